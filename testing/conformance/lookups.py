"""Lookups: order, repetition, absence, and what a shape makes of the stored properties."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ...core.datamodel import ID, KEY, VERSION, Column, GeoPoint, Key, Shape, Type, UnexpectedType, Value
from ...core.driver import Driver
from .kit import ENTITIES, IDS, Conformance, Told, insert, key, member, store

MOMENT = datetime(2024, 2, 29, 12, 30, 45, 123456, UTC)
SAMPLES: dict[Type, Value] = {
    Type.BOOL: True,
    Type.INT: 5,
    Type.FLOAT: 2.5,
    Type.STR: "text",
    Type.BYTES: b"\xff\x00",
    Type.TIMESTAMP: MOMENT,
    Type.GEO: GeoPoint(1.5, -2.5),
    Type.KEY: Key((("Other", 3),)),
    Type.ARRAY: (1, "a", None),
}
ZEROS: dict[Type, Value] = {
    Type.BOOL: False,
    Type.INT: 0,
    Type.FLOAT: 0.0,
    Type.STR: "",
    Type.BYTES: b"",
    Type.TIMESTAMP: datetime(1970, 1, 1, tzinfo=UTC),
    Type.GEO: GeoPoint(0.0, 0.0),
    Type.ARRAY: (),
}
WRONG = [(wanted, held) for wanted in SAMPLES for held in SAMPLES if wanted is not held]


def one(name: str, kind: Type = Type.ANY, **rest: object) -> Shape:
    return Shape((Column(name, kind, **rest),))  # type: ignore[arg-type]


class LookupConformance(Conformance):
    def test_rows_come_in_the_order_of_the_keys(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {}, 2: {}, 3: {}})
        keys = [member(namespace, ident) for ident in (3, 1, 2)]
        assert driver.lookup(keys, IDS) == [(3,), (1,), (2,)]

    def test_a_missing_entity_is_none(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {2: {}})
        keys = [member(namespace, ident) for ident in (1, 2, 3)]
        assert driver.lookup(keys, IDS) == [None, (2,), None]

    def test_a_repeated_key_gives_repeated_rows(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {}, 2: {}})
        keys = [member(namespace, ident) for ident in (1, 2, 1)]
        assert driver.lookup(keys, IDS) == [(1,), (2,), (1,)]

    def test_no_keys_give_no_rows(self, driver: Driver) -> None:
        assert driver.lookup([], IDS) == []

    def test_one_lookup_is_one_rpc(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {}, 2: {}})
        told = Told()
        driver.lookup([member(namespace, 1), member(namespace, 2)], IDS, observe=told)
        assert told.methods == ["Lookup"]
        assert told[0].rows == 2

    def test_more_keys_than_a_request_takes_are_no_error(self, driver: Driver, namespace: str) -> None:
        count = driver.capabilities.lookup_keys + 1
        store(driver, namespace, {1: {}, count: {}})
        told = Told()
        rows = driver.lookup([member(namespace, ident) for ident in range(1, count + 1)], IDS, observe=told)
        assert [row for row in rows if row is not None] == [(1,), (count,)]
        assert (len(rows), rows[0], rows[-1]) == (count, (1,), (count,))
        assert set(told.methods) == {"Lookup"}

    def test_ids_and_names_are_told_apart(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 7), {"p": "id"}), insert(key(namespace, "7"), {"p": "name"})])
        assert driver.lookup([key(namespace, "7"), key(namespace, 7)], one("p")) == [("name",), ("id",)]

    def test_the_parent_is_a_part_of_the_key(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(member(namespace, 7))])
        assert driver.lookup([key(namespace, 7), member(namespace, 7)], IDS) == [None, (7,)]

    def test_key_id_and_version_are_columns(self, driver: Driver, namespace: str) -> None:
        at = member(namespace, "name")
        (result,) = driver.commit([insert(at, {"p": 1})])
        assert driver.lookup([at], Shape((Column(KEY), Column(ID), Column(VERSION)))) == [(at, "name", result.version)]

    def test_columns_may_come_in_any_order_and_repeat(self, driver: Driver, namespace: str) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"a": 1, "b": 2})])
        assert driver.lookup([at], Shape((Column("b"), Column("a"), Column("b")))) == [(2, 1, 2)]

    def test_an_entity_has_its_key_version_and_all_properties(self, driver: Driver, namespace: str) -> None:
        at = key(namespace, 1)
        (result,) = driver.commit([insert(at, {"a": 1, "b": "x"}, unindexed={"b"})])
        ((entity,),) = driver.lookup([at], ENTITIES)  # type: ignore[misc]
        assert (entity.key, entity.properties, entity.unindexed) == (at, {"a": 1, "b": "x"}, frozenset({"b"}))
        assert entity.version == result.version

    @pytest.mark.parametrize("kind", list(SAMPLES))
    def test_a_value_of_the_expected_type_is_read(self, driver: Driver, namespace: str, kind: Type) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"p": SAMPLES[kind]})])
        assert driver.lookup([at], one("p", kind)) == [(SAMPLES[kind],)]

    @pytest.mark.parametrize("kind", list(ZEROS))
    def test_a_zero_of_the_expected_type_is_read(self, driver: Driver, namespace: str, kind: Type) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"p": ZEROS[kind]})])
        assert driver.lookup([at], one("p", kind)) == [(ZEROS[kind],)]

    @pytest.mark.parametrize(("wanted", "held"), WRONG)
    def test_another_type_is_an_error(self, driver: Driver, namespace: str, wanted: Type, held: Type) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"p": SAMPLES[held]})])
        with pytest.raises(UnexpectedType) as caught:
            driver.lookup([at], one("p", wanted))
        assert (caught.value.key, caught.value.column.name, caught.value.found) == (at, "p", held.value)

    @pytest.mark.parametrize("kind", list(Type))
    def test_null_fits_every_type(self, driver: Driver, namespace: str, kind: Type) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"p": None})])
        assert driver.lookup([at], one("p", kind)) == [(None,)]

    @pytest.mark.parametrize("kind", list(Type))
    def test_a_missing_property_is_the_default(self, driver: Driver, namespace: str, kind: Type) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"q": 1})])
        assert driver.lookup([at], one("p", kind, default=lambda: "absent")) == [("absent",)]

    def test_null_is_not_missing(self, driver: Driver, namespace: str) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"p": None})])
        assert driver.lookup([at], one("p", Type.STR, default=lambda: "absent")) == [(None,)]

    def test_a_column_without_null_replaces_a_stored_one(self, driver: Driver, namespace: str) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {"p": None})])
        assert driver.lookup([at], one("p", Type.STR, default=lambda: "absent", nullable=False)) == [("absent",)]

    @pytest.mark.parametrize("name", ["a.b", "with space", "é", "back`tick", "1st", "a\\b", "{0}", "'"])
    def test_any_property_name_is_read(self, driver: Driver, namespace: str, name: str) -> None:
        at = key(namespace, 1)
        driver.commit([insert(at, {name: 5, "other": 6})])
        assert driver.lookup([at], one(name)) == [(5,)]
