"""Types: exact round trips, and the one order of values of all types."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ...core.datamodel import ENTITY, ID, Column, Entity, GeoPoint, Key, Shape, Type, Value
from ...core.driver import Driver
from .kit import Conformance, found, insert, key, load, properties, query, rows, store, test

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VALUES: dict[str, Value] = {
    "null": None,
    "true": True,
    "false": False,
    "zero": 0,
    "negative": -7,
    "float": 1.25,
    "whole float": 3.0,
    "tiny float": 5e-324,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "empty string": "",
    "nul": "a\0b",
    "emoji": "\U0001f600",
    "empty bytes": b"",
    "bytes": bytes(range(256)),
    "epoch": EPOCH,
    "microseconds": datetime(2038, 1, 19, 3, 14, 8, 1, UTC),
    "before the epoch": datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    "geo": GeoPoint(-90.0, 180.0),
    "key": Key((("A", 1), ("B", "x"))),
    "key elsewhere": Key((("A", 1),), "elsewhere"),
    "empty array": (),
    "array": (1, "a", None, True, 2.5, b"b", EPOCH, GeoPoint(1.0, 2.0), Key((("A", 1),))),
    "embedded": Entity(None, {"x": 1, "y": Entity(None, {"z": ("a",)})}),
    "embedded with a key": Entity(Key((("A", 1),)), {"x": None}),
    "array of embedded": (Entity(None, {"x": 1}), Entity(None, {"x": 2})),
}
# From the least to the greatest. Integers and timestamps are one range, and so are bytes and strings.
ASCENDING: list[Value] = [
    None,
    -(2**63),
    -1,
    EPOCH,
    1,
    EPOCH + timedelta(seconds=1),
    2**63 - 1,
    False,
    True,
    "",
    b"\x01",
    "A",
    b"Ab",
    "a",
    "aa",
    "z",
    "é",
    "\uffff",
    "\U0001f600",
    b"\xff",
    -math.inf,
    -1.5,
    -0.0,
    0.0,
    1.0,
    math.inf,
    math.nan,
    GeoPoint(-1.0, 5.0),
    GeoPoint(1.0, -5.0),
    GeoPoint(1.0, 5.0),
]
IDENTS: list[int | str] = [-5, -1, 1, 2, 10, 2**63 - 1, "1", "B", "a", "é"]


class TypeConformance(Conformance):
    @pytest.mark.parametrize("value", list(VALUES.values()), ids=list(VALUES))
    def test_a_value_comes_back_as_it_was(self, driver: Driver, namespace: str, value: Value) -> None:
        driver.commit([insert(key(namespace, 1), {"p": value})])
        stored = properties(driver, key(namespace, 1))["p"]
        assert (type(stored), stored) == (type(value), value)

    @pytest.mark.parametrize("value", list(VALUES.values()), ids=list(VALUES))
    def test_a_query_gives_the_value_too(self, driver: Driver, namespace: str, value: Value) -> None:
        driver.commit([insert(key(namespace, 1), {"p": value})])
        assert rows(driver, query(namespace), Shape((Column("p"),))) == [(value,)]

    def test_nan_comes_back(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": math.nan})])
        value = properties(driver, key(namespace, 1))["p"]
        assert isinstance(value, float)
        assert math.isnan(value)

    def test_minus_zero_keeps_its_sign(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": -0.0})])
        assert math.copysign(1, properties(driver, key(namespace, 1))["p"]) == -1.0  # type: ignore[arg-type]

    def test_a_moment_of_another_zone_comes_back_in_utc(self, driver: Driver, namespace: str) -> None:
        there = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
        driver.commit([insert(key(namespace, 1), {"p": there})])
        value = properties(driver, key(namespace, 1))["p"]
        assert isinstance(value, datetime)
        assert (value, value.utcoffset()) == (there, timedelta(0))

    def test_unindexed_properties_are_told_apart(self, driver: Driver, namespace: str) -> None:
        values: dict[str, Value] = {"a": 1, "b": 2, "c": ("x", "y"), "d": ("x", "y"), "e": None}
        driver.commit([insert(key(namespace, 1), values, unindexed={"b", "d", "e"})])
        entity = load(driver, key(namespace, 1))
        assert entity is not None
        assert entity.unindexed == {"b", "d", "e"}

    def test_a_query_gives_whole_entities(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"a": 1, "b": "x"}, unindexed={"b"})])
        ((entity,),) = rows(driver, query(namespace), Shape((Column(ENTITY),)))
        assert (entity.key, entity.properties, entity.unindexed) == (key(namespace, 1), {"a": 1, "b": "x"}, frozenset({"b"}))

    def test_values_of_all_types_have_one_order(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {(position * 7) % 101 + 1: {"p": value, "n": position} for position, value in enumerate(ASCENDING)})
        shape = Shape((Column("n", Type.INT),))
        assert rows(driver, query(namespace, order="p"), shape) == [(n,) for n in range(len(ASCENDING))]
        assert rows(driver, query(namespace, order="-p"), shape) == [(n,) for n in reversed(range(len(ASCENDING)))]

    def test_an_inequality_goes_on_into_the_greater_types(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"p": 1}, 2: {"p": "a"}, 3: {"p": 2.0}, 4: {"p": None}, 5: {"p": True}})
        assert found(driver, query(namespace, test("p", ">", 1))) == [5, 2, 3]
        assert found(driver, query(namespace, test("p", "<", "b"))) == [4, 1, 5, 2]

    @pytest.mark.parametrize(
        ("value", "ids"), [(1, [1]), (1.0, [2]), (0, [3, 4]), (EPOCH, [3, 4]), ("a", [5, 6]), (b"a", [5, 6]), (False, [7]), (None, [8])]
    )
    def test_equality_follows_the_order(self, driver: Driver, namespace: str, value: Value, ids: list[int]) -> None:
        stored: list[Value] = [1, 1.0, 0, EPOCH, "a", b"a", False, None]
        store(driver, namespace, {ident: {"p": value} for ident, value in enumerate(stored, 1)})
        assert found(driver, query(namespace, test("p", "=", value))) == ids

    def test_nan_equals_nan_and_the_zeros_differ(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"p": math.nan}, 2: {"p": 0.0}, 3: {"p": -0.0}})
        assert found(driver, query(namespace, test("p", "=", math.nan))) == [1]
        assert found(driver, query(namespace, test("p", "=", 0.0))) == [2]

    def test_keys_sort_by_path_ids_before_names(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {ident: {} for ident in reversed(IDENTS)})
        assert found(driver, query(namespace)) == IDENTS
        assert found(driver, query(namespace, order="-__key__")) == IDENTS[::-1]

    def test_key_values_sort_like_keys(self, driver: Driver, namespace: str) -> None:
        keys = [Key((("A", 1),)), Key((("A", 1), ("Z", 1))), Key((("A", 2),)), Key((("A", "a"),)), Key((("B", 1),))]
        store(driver, namespace, {10 - position: {"p": value} for position, value in enumerate(keys)})
        assert found(driver, query(namespace, order="p")) == [10, 9, 8, 7, 6]
        assert found(driver, query(namespace, test("p", "=", keys[1]))) == [9]

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (Type.INT, 0),
            (Type.INT, 77),
            (Type.STR, ""),
            (Type.STR, "é"),
            (Type.BYTES, b"\xff\xfe"),
            (Type.BYTES, b"plain"),
            (Type.BYTES, b""),
            (Type.FLOAT, 0.0),
            (Type.FLOAT, 2.5),
            (Type.BOOL, False),
            (Type.TIMESTAMP, EPOCH),
            (Type.TIMESTAMP, datetime(1969, 7, 20, 20, 17, 40, 123456, UTC)),
            (Type.KEY, Key((("A", "x"),))),
            (Type.GEO, GeoPoint(0.0, 1.0)),
            (Type.STR, None),
        ],
    )
    def test_a_projected_value_has_the_type_of_its_column(self, driver: Driver, namespace: str, kind: Type, value: Value) -> None:
        store(driver, namespace, {1: {"p": value}})
        shape = Shape((Column(ID), Column("p", kind)))
        ((ident, projected),) = rows(driver, query(namespace, projection=("p",)), shape)
        assert (ident, type(projected), projected) == (1, type(value), value)
