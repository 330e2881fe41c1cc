"""The memory driver against Django's sqlite3, both in memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, cycle
from random import Random
from typing import Any

from django.db import connections
from django.db.models import Model

from kindstore.core.mapping import mapping_of

from .measuring import Action, Result, compare
from .models import Draft, Million, Row, Thousand, values

GROUP = "memory / sqlite3"
AMONG = "memory among 1,000,000 rows / among 1,000"
OURS, THEIRS = "memory", "sqlite3"
ROWS = 1000
LOADED = 10_000  # rows in one call while a table is filled
new_id = count(10**6).__next__

# What is done on an alias, with the ratio that is wanted.
OPERATIONS: dict[str, tuple[Callable[[str], object], float | None]] = {
    "get(pk)": (lambda alias: Row.objects.using(alias).get(pk=500), 1.0),
    "filter, one row": (lambda alias: list(Row.objects.using(alias).filter(number=77)), 1.0),
    "filter, ten of 143 rows": (lambda alias: list(Row.objects.using(alias).filter(group=3)[:10]), 1.0),
    "count()": (lambda alias: Row.objects.using(alias).count(), 1.0),
    "count() of a range": (lambda alias: Row.objects.using(alias).filter(number__gt=500).count(), 1.0),
    "1000 instances": (lambda alias: list(Row.objects.using(alias).all()), 1.2),
    "1000 rows of values_list()": (lambda alias: list(Row.objects.using(alias).values_list()), None),
    "create()": (lambda alias: Draft.objects.using(alias).create(**values(5)), 1.5),
    "create(pk)": (lambda alias: Draft.objects.using(alias).create(id=new_id(), **values(5)), 1.5),
    "bulk_create(100)": (lambda alias: Draft.objects.using(alias).bulk_create([Draft(**values(n)) for n in range(100)]), None),
    "update() by pk": (lambda alias: Row.objects.using(alias).filter(pk=500).update(share=0.5), None),
}


def against_sqlite() -> list[Result]:
    """Measure the ORM on both."""
    for alias in (OURS, THEIRS):
        Row.objects.using(alias).bulk_create([Row(id=number, **values(number)) for number in range(1, ROWS + 1)])
    return [compare(GROUP, name, _on(OURS, run), _on(THEIRS, run), target=target) for name, (run, target) in OPERATIONS.items()]


def _on(alias: str, run: Callable[[str], object]) -> Action:
    return lambda: run(alias)


def among_many() -> list[Result]:
    """Measure get(pk) of random rows of a large table against those of a small one, in the ORM and in the driver."""
    large, small = fill(Million, 1_000_000), fill(Thousand, 1000)
    return [
        compare(AMONG, "get(pk)", _get(Million, large), _get(Thousand, small), target=1.5),
        compare(AMONG, "the driver's lookup", _lookup(Million, large), _lookup(Thousand, small), target=1.5),
    ]


def fill(model: type[Model], rows: int) -> list[int]:
    """Write rows, and return some of their keys."""
    for start in range(1, rows + 1, LOADED):
        numbers = range(start, min(start + LOADED, rows + 1))
        model._default_manager.using(OURS).bulk_create([model(id=number, number=number) for number in numbers])
    return Random(1).choices(range(1, rows + 1), k=10_000)


def _get(model: type[Model], keys: list[int]) -> Action:
    following = _cycle(keys)
    return lambda: model._default_manager.using(OURS).get(pk=following())


def _lookup(model: type[Model], keys: list[int]) -> Action:
    connection = connections[OURS]
    mapping = mapping_of(model, connection)
    driver, shape = connection.session.driver, mapping.shape([column.name for column in mapping.columns])
    following = _cycle([[mapping.key((key,), "")] for key in keys])
    return lambda: driver.lookup(following(), shape)


def _cycle(items: list[Any]) -> Callable[[], Any]:
    return cycle(items).__next__
