"""What the store refuses to write, and how it keeps what it takes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kindstore.core.datamodel import Column, Entity, GeoPoint, Key, Mutation, Query, Shape, Test, Type, UnexpectedType, Verb
from kindstore.core.datamodel.errors import InvalidRequest
from kindstore.core.datamodel.query import Op
from kindstore.core.driver import Capabilities
from kindstore.drivers.memory import MemoryDriver

from .building import WHOLE, entity, ids, key, put, read


def nested(depth: int) -> Entity:
    return Entity(None, {"e": nested(depth - 1)} if depth > 1 else {"leaf": 1})


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1501,
        "é" * 751,
        b"x" * 1501,
        ("ok", "x" * 1501),
        Entity(None, {"inner": "x" * 1501}),
        2**63,
        -(2**63) - 1,
        (2**63,),
        "\ud800",
        "ok \udfff",
        datetime(2024, 1, 1),  # noqa: DTZ001
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        GeoPoint(90.5, 0.0),
        GeoPoint(0.0, math.nan),
        ((1,),),
        (1, (2,)),
        nested(21),
        object(),
        Key((("K", 0),)),
        tuple(range(20_001)),
    ],
)
def test_refused_values_name_their_property(driver: MemoryDriver, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"price|Entity|Key"):
        driver.commit([put(2, a=1), put(1, price=value)])
    assert ids(driver) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**63 - 1,
        -(2**63),
        0.0,
        float("inf"),
        5e-324,
        "",
        "a\0b",
        "\U0001f600",
        "x" * 1500,
        b"",
        b"\x00\xff",
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        GeoPoint(90.0, -180.0),
        Key((("K", 1), ("L", "x")), "ns", "db", "project"),
        (),
        (None, 1, "a", Entity(None, {"x": (1, 2)})),
        nested(20),
    ],
)
def test_values_come_back_exactly(driver: MemoryDriver, value: Any) -> None:
    driver.commit([put(1, a=value)])
    found = read(driver, 1)
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_negative_zero_and_nan_come_back(driver: MemoryDriver) -> None:
    driver.commit([put(1, zero=-0.0, nan=math.nan)])
    found = read(driver, 1) or {}
    assert math.copysign(1, found["zero"]) == -1
    assert math.isnan(found["nan"])


def test_other_zones_are_kept_as_utc(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))])
    found = read(driver, 1) or {}
    assert found["a"].isoformat() == "2024-01-01T00:00:00+00:00"


def test_subclasses_are_kept_as_the_plain_type(driver: MemoryDriver) -> None:
    class Text(str):
        __slots__ = ()

    driver.commit([put(1, a=Text("x"), b=[1, Text("y")])])
    found = read(driver, 1) or {}
    assert (type(found["a"]), found["b"], type(found["b"][1])) == (str, (1, "y"), str)


@pytest.mark.parametrize("value", ["x" * 1501, ("x" * 1501,), tuple(range(20_001))])
def test_unindexed_values_may_be_long(driver: MemoryDriver, value: Any) -> None:
    driver.commit([put(1, a=value, unindexed=("a",))])
    assert read(driver, 1) == {"a": value}


@pytest.mark.parametrize(("name", "size"), [("price", 1_048_488), ("price", 2_000_000)])
def test_a_property_has_a_greatest_size(driver: MemoryDriver, name: str, size: int) -> None:
    with pytest.raises(InvalidRequest, match="price"):
        driver.commit([put(1, unindexed=(name,), **{name: "x" * size})])


def test_an_entity_has_a_greatest_size(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="Split"):
        driver.commit([put(1, unindexed=("a", "b"), a="x" * 600_000, b="x" * 600_000)])


@pytest.mark.parametrize("ident", [0, "", "__x__", "x" * 1501, "é" * 751, 2**63, True, 1.5, "\ud800"])
def test_refused_ids_and_names(driver: MemoryDriver, ident: Any) -> None:
    with pytest.raises(InvalidRequest):
        driver.commit([put(Key((("K", ident),)), a=1)])


@pytest.mark.parametrize("ident", [-1, 2**63 - 1, "__x", "x__", "a.b/c é", "x" * 1500])
def test_accepted_ids_and_names(driver: MemoryDriver, ident: Any) -> None:
    driver.commit([put(ident, a=1)])
    assert read(driver, ident) == {"a": 1}


@pytest.mark.parametrize(
    "refused",
    [
        Key((("", 1),)),
        Key((("__kind__", 1),)),
        Key((("x" * 1501, 1),)),
        Key((("K", 1),), "not a namespace"),
        Key((("K", 1),), "__ns__"),
        Key((("K", 1),) * 101),
        Key(()),
        Key((("K", 1),), "", "database"),
        Key((("K", 1),), "", None, "project"),
    ],
)
def test_refused_keys(driver: MemoryDriver, refused: Key) -> None:
    with pytest.raises(InvalidRequest):
        driver.commit([Mutation(Verb.UPSERT, refused, Entity(refused, {"a": 1}))])


@pytest.mark.parametrize("name", ["", "__key__", "x" * 1501])
def test_refused_property_names(driver: MemoryDriver, name: str) -> None:
    with pytest.raises(InvalidRequest, match="property name"):
        driver.commit([Mutation(Verb.UPSERT, key(1), Entity(key(1), {name: 1}))])


def test_limits_follow_the_capabilities() -> None:
    driver = MemoryDriver(":memory:tight", Capabilities(indexed_bytes=10))
    with pytest.raises(InvalidRequest, match="10"):
        driver.commit([put(1, a="x" * 11)])


def test_a_missing_property_reads_as_the_columns_default(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1)])
    shape = Shape((Column("a", Type.INT), Column("b", Type.STR, default=lambda: "none yet")))
    assert driver.lookup([key(1)], shape) == [(1, "none yet")]


def test_null_reads_as_the_default_of_a_column_that_is_not_nullable(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=None, b=None)])
    shape = Shape((Column("a", Type.INT, default=lambda: 7, nullable=False), Column("b", Type.INT, default=lambda: 7)))
    assert driver.lookup([key(1)], shape) == [(7, None)]


@pytest.mark.parametrize(("value", "expected"), [(1, Type.FLOAT), (True, Type.INT), ("x", Type.BYTES), ((1,), Type.INT)])
def test_another_type_names_the_entity(driver: MemoryDriver, value: Any, expected: Type) -> None:
    driver.commit([put(1, a=value)])
    with pytest.raises(UnexpectedType, match="K:1"):
        list(driver.run_query(Query("K"), Shape((Column("a", expected),))))


def test_a_filter_value_may_not_be_longer_than_an_indexed_one(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="price"):
        ids(driver, filter=Test("price", Op.EQ, "x" * 1501))


def test_the_whole_entity_comes_with_its_unindexed_names(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1, b=2, unindexed=("b",))])
    (row,) = driver.lookup([key(1)], WHOLE)
    assert row is not None
    assert (row[0].key, row[0].properties, row[0].unindexed) == (key(1), entity(1, a=1, b=2).properties, {"b"})
