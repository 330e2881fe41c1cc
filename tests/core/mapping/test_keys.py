"""Between primary keys and entity keys."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.utils import DataError
from hypothesis import given
from hypothesis import strategies as st

from kindstore.core.datamodel import Key
from kindstore.core.datamodel.ordering import sort_key
from kindstore.core.mapping.conversion import Refusal, decimal_storer, store_date, store_float, store_time, store_uuid
from kindstore.core.mapping.keys import CompositeKeys, FlatKeys
from kindstore.core.mapping.types import KEY_TYPES

names = st.text(max_size=300).filter(lambda name: not (name.startswith("__") and name.endswith("__")))
ids = st.integers(-(2**63) + 1, 2**63 - 1)
moments = st.datetimes(timezones=st.just(dt.UTC))
VALUES = {
    "boolean": st.booleans(),
    "date": st.dates().map(store_date),
    "datetime": moments,
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=2).map(decimal_storer(40, 2)),
    "duration": ids,
    "float": st.floats(allow_nan=False, allow_infinity=False).map(store_float),
    "integer": ids | st.integers(-3, 3),
    "string": names | st.text("\0\1a", max_size=4),
    "text": names,
    "time": st.times().map(store_time),
    "uuid": st.uuids().map(store_uuid),
}
columns = st.sampled_from(sorted(KEY_TYPES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name], VALUES[name]))


@given(columns)
def test_a_primary_key_names_an_entity_and_comes_back(case: tuple[str, Any, Any]) -> None:
    column_type, value, _ = case
    codec = FlatKeys("app_model", column_type)
    key = codec.key((value,), "tenant")
    assert (key.kind, key.namespace, len(key.path)) == ("app_model", "tenant", 1)
    assert key.id_or_name not in (0, "")
    assert codec.value(key) == value
    assert type(codec.value(key)) is type(value)


@given(columns)
def test_names_sort_as_the_values_do(case: tuple[str, Any, Any]) -> None:
    column_type, first, second = case
    codec = FlatKeys("K", column_type)
    keys = [sort_key(codec.key((value,), "")) for value in (first, second)]
    assert (keys[0] < keys[1], keys[0] == keys[1]) == (first < second, first == second)


@given(st.sampled_from(["integer", "string", "float"]).flatmap(lambda name: st.tuples(st.just(name), st.lists(VALUES[name]))))
def test_values_are_put_in_the_places_of_names_in_rows(case: tuple[str, list[Any]]) -> None:
    column_type, values = case
    codec = FlatKeys("K", column_type)
    restore = codec.restorer(1)
    assert restore is not None
    assert restore([("x", codec.key((value,), "").id_or_name, "y") for value in values]) == [("x", value, "y") for value in values]


@pytest.mark.parametrize(("value", "ident"), [(1, 1), (0, -1), (-1, -2), (2**63 - 1, 2**63 - 1), (-(2**63) + 1, -(2**63))])
def test_positive_integers_are_their_own_ids(value: int, ident: int) -> None:
    assert FlatKeys("K", "integer").key((value,), "").id_or_name == ident


@pytest.mark.parametrize(("value", "name"), [("a", "a"), ("", "\0"), ("\0", "\0\0"), ("\0a", "\0a"), ("a\0", "a\0")])
def test_texts_are_their_own_names_unless_they_are_empty(value: str, name: str) -> None:
    assert FlatKeys("K", "string").key((value,), "").id_or_name == name


@pytest.mark.parametrize(
    ("column_type", "value", "said"),
    [
        ("integer", -(2**63), "at least"),
        ("string", "__x__", "'__x__'"),
        ("string", "____", "'____'"),
        ("string", "__\n__", "reserves"),
        ("string", "x" * 1501, "1501 bytes"),
        ("string", "é" * 751, "1502 bytes"),
        ("string", None, "null"),
        ("float", float("nan"), "not a finite number"),
        ("decimal", 1.5, "float"),
    ],
)
def test_what_cannot_name_an_entity_is_refused(column_type: str, value: Any, said: str) -> None:
    codec = FlatKeys("K", column_type)
    with pytest.raises(Refusal, match=said):
        codec.key((value,), "")
    assert not codec.accepts(value)


@pytest.mark.parametrize("value", ["x", "__", "___", "__x", "x__", "x" * 1500, "é" * 750])
def test_what_can_name_an_entity(value: Any) -> None:
    assert FlatKeys("K", "string").accepts(value)


@pytest.mark.parametrize(
    ("column_type", "ident"), [("date", "x"), ("date", 5), ("boolean", "True"), ("time", "25:00"), ("datetime", "2000"), ("float", "1.5")]
)
def test_a_key_that_something_else_wrote_is_an_error(column_type: str, ident: Any) -> None:
    with pytest.raises(DataError, match=f"of the kind K stands for no {column_type}"):
        FlatKeys("K", column_type).value(Key((("K", ident),)))


@given(
    st.lists(st.integers() | st.text(max_size=20), min_size=2, max_size=3),
    st.lists(st.integers() | st.text(max_size=20), min_size=2, max_size=3),
)
def test_composite_keys_are_equal_only_for_equal_values(first: list[Any], second: list[Any]) -> None:
    codec = CompositeKeys("K")
    assert (codec.key(first, "") == codec.key(second, "")) is (first == second)
