"""The total order across types."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindstore.core.datamodel import KEY, Entity, GeoPoint, Key, Order
from kindstore.core.datamodel.ordering import MISSING, compile_path, compile_sort_key, is_sortable, sort_key

# Measured on both of Google's emulators.
ASCENDING: list[Any] = [
    None,
    -(2**63),
    -1,
    0,
    datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    2,
    datetime(2024, 1, 1, tzinfo=UTC),
    2**63 - 1,
    False,
    True,
    b"",
    "B",
    b"a",
    "aa",
    "z",
    "é",
    "\uffff",
    "\U0001f600",
    b"\xff",
    -math.inf,
    -1.5,
    -5e-324,
    -0.0,
    0.0,
    5e-324,
    1.0,
    math.inf,
    math.nan,
    GeoPoint(-1.0, 5.0),
    GeoPoint(-1.0, 6.0),
    GeoPoint(0.0, -180.0),
    Key((("KA", 1), ("KO", 5))),
    Key((("KO", -1),)),
    Key((("KO", 1),)),
    Key((("KO", 1), ("KO", 1))),
    Key((("KO", 2),)),
    Key((("KO", 10),)),
    Key((("KO", "1"),)),
    Key((("KO", "B"),)),
    Key((("KO", "é"),)),
    Key((("KZ", 1),)),
    Key((("KA", 1),), "ns"),
]
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.datetimes(timezones=st.just(UTC)),
)


def row(name: str) -> Any:
    return lambda subject: subject.get(name, MISSING)


@pytest.mark.parametrize(("less", "greater"), list(pairwise(ASCENDING)))
def test_each_value_is_less_than_the_next(less: Any, greater: Any) -> None:
    assert sort_key(less) < sort_key(greater)


def test_the_order_is_total() -> None:
    assert sorted([*ASCENDING[20:], *ASCENDING[:20]], key=sort_key) == ASCENDING


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", b"a"),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (math.nan, -math.nan),
        (Key((("K", 1),), ""), Key((("K", 1),), "", None, None)),
    ],
)
def test_values_that_the_store_takes_for_equal(one: Any, other: Any) -> None:
    assert sort_key(one) == sort_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (1, True), (0.0, -0.0), (0, False), (None, False), ("1", 1), ("", None), (b"\xff", "\xff")]
)
def test_values_that_the_store_tells_apart(one: Any, other: Any) -> None:
    assert sort_key(one) != sort_key(other)


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])) | st.binary())
def test_bytes_and_strings_sort_by_their_bytes(one: bytes, other: str | bytes) -> None:
    raw = other.encode() if isinstance(other, str) else other
    assert (sort_key(one) < sort_key(other), sort_key(one) <= sort_key(other)) == (one < raw, one <= raw)
    assert (sort_key(other) < sort_key(one), sort_key(other) >= sort_key(one)) == (raw < one, raw >= one)


@given(st.floats(), st.floats())
def test_floats_sort_as_numbers(one: float, other: float) -> None:
    if not math.isnan(one) and not math.isnan(other) and one != other:
        assert (sort_key(one) < sort_key(other)) == (one < other)


@given(values, values)
def test_keys_that_are_equal_hash_equally(one: Any, other: Any) -> None:
    if sort_key(one) == sort_key(other):
        assert hash(sort_key(one)) == hash(sort_key(other))


@pytest.mark.parametrize(("value", "sortable"), [(None, True), ("a", True), ((), False), (Entity(None, {}), False), (MISSING, False)])
def test_what_has_an_index_row(value: Any, sortable: bool) -> None:
    assert is_sortable(value) is sortable


def test_several_orders_in_both_directions() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 1, "b": "y"}, {"a": None, "b": "z"}]
    key = compile_sort_key([Order("a", True), Order("b"), Order("c")], row)
    assert sorted(rows, key=key) == [rows[1], rows[0], rows[2], rows[3]]


def test_an_array_sorts_by_its_least_or_greatest_element() -> None:
    rows: list[Any] = [{"a": (1, 9)}, {"a": 5}, {"a": (4, 3)}]
    assert sorted(rows, key=compile_sort_key([Order("a")], row)) == [rows[0], rows[2], rows[1]]
    assert sorted(rows, key=compile_sort_key([Order("a", True)], row)) == [rows[0], rows[1], rows[2]]


def test_what_is_missing_sorts_before_null() -> None:
    rows: list[Any] = [{"a": None}, {}, {"a": ()}]
    assert sorted(rows, key=compile_sort_key([Order("a")], row))[-1] == {"a": None}


def test_keys_are_sorted_by_the_getter_of_the_key() -> None:
    rows = [{KEY: Key((("K", "a"),))}, {KEY: Key((("K", 5),))}]
    assert sorted(rows, key=compile_sort_key([Order(KEY)], row)) == rows[::-1]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"a": Entity(None, {"b": Entity(None, {"c": 1})})}, 1),
        ({"a.b.c": 2}, 2),
        ({"a": Entity(None, {"b.c": 3})}, 3),
        ({"a": Entity(None, {"b": Entity(None, {"c": 1})}, frozenset("b"))}, MISSING),
        ({"a": (Entity(None, {"b": Entity(None, {"c": 1})}), 5, Entity(None, {"b": Entity(None, {"c": (2, 3)})}))}, (1, 2, 3)),
        ({"a": 1}, MISSING),
        ({}, MISSING),
    ],
)
def test_paths_into_embedded_entities(subject: Any, expected: Any) -> None:
    assert compile_path("a.b.c", row)(subject) == expected
