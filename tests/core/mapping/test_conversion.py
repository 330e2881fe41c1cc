"""Conversions between a field's database value and the store's value."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindstore.core.datamodel import GeoPoint, Key
from kindstore.core.mapping.conversion import (
    LOADERS,
    STORERS,
    Refusal,
    datetime_loader,
    decimal_comparer,
    decimal_storer,
    store_any,
)

ROUND_TRIPS: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "bytes": st.binary(),
    "boolean": st.booleans(),
    "string": st.text(max_size=300),
    "date": st.dates(),
    "duration": st.timedeltas(dt.timedelta(days=-100_000_000), dt.timedelta(days=100_000_000)),
    "float": st.floats(allow_nan=False),
    "text": st.text(),
    "time": st.times(),
    "uuid": st.uuids(),
}


@pytest.mark.parametrize("column_type", ROUND_TRIPS)
@given(data=st.data())
def test_a_value_comes_back(column_type: str, data: st.DataObject) -> None:
    value = data.draw(ROUND_TRIPS[column_type])
    load: Callable[[Any], Any] = LOADERS.get(column_type) or (lambda stored: stored)
    found = load(STORERS[column_type](value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("column_type", ["date", "duration", "float", "integer", "time"])
@given(data=st.data())
def test_stored_values_sort_as_the_values(column_type: str, data: st.DataObject) -> None:
    first, second = data.draw(ROUND_TRIPS[column_type]), data.draw(ROUND_TRIPS[column_type])
    store = STORERS[column_type]
    assert (store(first) < store(second)) is (first < second)  # type: ignore[operator]


@given(st.datetimes(timezones=st.sampled_from([dt.UTC, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/Chicago")]), allow_imaginary=False))
def test_an_aware_datetime_keeps_its_instant(at: dt.datetime) -> None:
    try:
        stored = STORERS["datetime"](at)
    except Refusal:
        assert at.year in (1, 9999)
        return
    assert isinstance(stored, dt.datetime)
    assert stored == at.astimezone(dt.UTC)
    assert stored.tzinfo is dt.UTC


def test_a_datetime_is_read_in_the_time_zone_of_the_connection() -> None:
    at = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)
    load = datetime_loader(ZoneInfo("Asia/Kathmandu"))
    assert load is not None
    assert (load(at), load(at).utcoffset()) == (at, dt.timedelta(hours=5, minutes=45))
    assert datetime_loader(dt.UTC) is None


@given(st.decimals(min_value=-999, max_value=999, places=2))
def test_a_decimal_comes_back(number: Decimal) -> None:
    assert LOADERS["decimal"](decimal_storer(5, 2)(number)) == number
    assert decimal_storer(5, 2)(number) == decimal_comparer(5, 2)(number)


@pytest.mark.parametrize(
    ("store", "value", "said"),
    [
        (STORERS["integer"], 2**63, "64 bits"),
        (STORERS["integer"], -(2**63) - 1, "64 bits"),
        (STORERS["string"], "x" * 1501, "1501 bytes"),
        (STORERS["string"], "é" * 751, "1502 bytes"),
        (STORERS["string"], "a\ud800", "surrogate at position 1"),
        (STORERS["text"], "\udfff", "surrogate"),
        (STORERS["duration"], dt.timedelta.max, "64 bits"),
        (decimal_storer(5, 2), Decimal(1000), "more than 5 digits"),
        (decimal_storer(5, 2), Decimal("NaN"), "not a finite number"),
        (decimal_comparer(5, 2), Decimal("Infinity"), "not a finite number"),
        (store_any, object(), "object"),
        (store_any, {"a": 1}, "dict"),
        (store_any, [2**63], "64 bits"),
    ],
)
def test_what_the_store_cannot_hold_is_refused(store: Callable[[Any], Any], value: Any, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        store(value)


@pytest.mark.parametrize("text", ["x" * 1500, "é" * 750, "😀" * 375])
def test_the_longest_indexed_strings_are_stored(text: str) -> None:
    assert STORERS["string"](text) == text


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (True, True),
        (5, 5),
        ("x", "x"),
        ([1, "a", None], (1, "a", None)),
        (GeoPoint(1.0, 2.0), GeoPoint(1.0, 2.0)),
        (Key((("K", 1),)), Key((("K", 1),))),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_custom_fields_keep_what_the_store_has_a_type_for(value: Any, stored: Any) -> None:
    assert store_any(value) == stored


def test_a_uuid_is_stored_as_its_digits() -> None:
    uid = uuid.UUID(int=255)
    assert STORERS["uuid"](uid) == "0" * 30 + "ff"
