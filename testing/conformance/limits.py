"""Limits: what a store refuses, saying so, with nothing written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ...core.datamodel import KEY, Entity, Key, Query, Value
from ...core.datamodel.errors import InvalidRequest
from ...core.driver import Driver
from .kit import REFUSED, Conformance, Told, found, insert, key, load, properties, query, store, test

BAD_VALUES: dict[str, Any] = {
    "an int beyond 64 bits": 2**63,
    "a negative int beyond 64 bits": -(2**63) - 1,
    "a naive datetime": datetime(2024, 1, 1),  # noqa: DTZ001 - that is the point
    "a surrogate": "a\ud800",
    "an indexed string of 1501 bytes": "é" * 750 + "x",
    "an indexed byte string of 1501 bytes": b"x" * 1501,
    "an indexed string in an array": ("a", "x" * 1501),
    "an array in an array": (1, (2,)),
    "a decimal": Decimal(1),
    "an int beyond 64 bits in an array": (1, 2**63),
    "a surrogate in an embedded entity": Entity(None, {"x": "\udfff"}),
}
GOOD_VALUES: dict[str, Value] = {
    "the largest int": 2**63 - 1,
    "the smallest int": -(2**63),
    "an indexed string of 1500 bytes": "é" * 750,
    "an indexed byte string of 1500 bytes": b"x" * 1500,
    "the first moment": datetime(1, 1, 1, tzinfo=UTC),
    "the last moment": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
}
BAD_PATHS: dict[str, Any] = {
    "the id 0": (("Thing", 0),),
    "an id beyond 64 bits": (("Thing", 2**63),),
    "an empty name": (("Thing", ""),),
    "a reserved name": (("Thing", "__x__"),),
    "a name of 1501 bytes": (("Thing", "é" * 750 + "x"),),
    "a name with a surrogate": (("Thing", "\ud800"),),
    "an empty kind": (("", 1),),
    "a reserved kind": (("__x__", 1),),
    "a kind of 1501 bytes": (("x" * 1501, 1),),
    "a reserved parent": (("__x__", 1), ("Thing", 1)),
    "a path of 101 elements": (("Thing", 1),) * 101,
    "an empty path": (),
}
GOOD_PATHS: dict[str, Any] = {
    "a name of 1500 bytes": (("Thing", "é" * 750),),
    "a negative id": (("Thing", -1),),
    "the largest id": (("Thing", 2**63 - 1),),
    "a half-reserved name": (("Thing", "__x"),),
    "a name with a slash": (("Thing", "a/b c"),),
    "a path of 100 elements": (("Thing", 1),) * 100,
}
BAD_NAMES = {"empty": "", "reserved": "__x__", "the key": KEY, "1501 bytes": "x" * 1501, "a surrogate": "\ud800"}


def cases(table: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("value", list(table.values()), ids=list(table))


class LimitConformance(Conformance):
    @cases(BAD_VALUES)
    def test_a_bad_value_is_refused_and_its_property_named(self, driver: Driver, namespace: str, value: Any) -> None:
        with pytest.raises(InvalidRequest, match="suspect"):
            driver.commit([insert(key(namespace, 1), {"good": 1, "suspect": value})])
        assert load(driver, key(namespace, 1)) is None

    @cases(GOOD_VALUES)
    def test_a_value_at_the_limit_is_stored(self, driver: Driver, namespace: str, value: Value) -> None:
        driver.commit([insert(key(namespace, 1), {"p": value})])
        assert properties(driver, key(namespace, 1)) == {"p": value}

    def test_a_bad_value_is_refused_before_it_is_sent(self, driver: Driver, namespace: str) -> None:
        told = Told()
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 1), {"p": 2**63})], observe=told)
        assert [rpc for rpc in told if rpc.error is None] == []

    @pytest.mark.parametrize("value", ["x" * 1501, b"x" * 1501, "é" * 100_000], ids=["string", "bytes", "long"])
    def test_an_unindexed_value_may_be_longer(self, driver: Driver, namespace: str, value: Value) -> None:
        driver.commit([insert(key(namespace, 1), {"p": value}, unindexed={"p"})])
        assert properties(driver, key(namespace, 1)) == {"p": value}

    def test_an_unindexed_array_may_hold_longer_values(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": ("x" * 2000, "y")}, unindexed={"p"})])
        assert properties(driver, key(namespace, 1)) == {"p": ("x" * 2000, "y")}

    def test_an_unindexed_embedded_entity_may_hold_longer_values(self, driver: Driver, namespace: str) -> None:
        value = Entity(None, {"x": "x" * 2000}, frozenset({"x"}))
        driver.commit([insert(key(namespace, 1), {"p": value}, unindexed={"p"})])
        assert properties(driver, key(namespace, 1)) == {"p": value}

    def test_an_entity_over_the_limit_is_refused(self, driver: Driver, namespace: str) -> None:
        half = "x" * (driver.capabilities.entity_bytes // 2)
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 1), {"a": half, "b": half, "c": "x" * 100}, unindexed={"a", "b", "c"})])
        assert load(driver, key(namespace, 1)) is None

    def test_an_entity_of_a_million_bytes_is_stored(self, driver: Driver, namespace: str) -> None:
        blob = bytes(1_000_000)
        driver.commit([insert(key(namespace, 1), {"p": blob}, unindexed={"p"})])
        assert properties(driver, key(namespace, 1)) == {"p": blob}

    def test_too_many_indexed_values_are_refused(self, driver: Driver, namespace: str) -> None:
        values = tuple(range(driver.capabilities.index_entries))
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 1), {"p": values})])
        assert load(driver, key(namespace, 1)) is None

    @cases(BAD_PATHS)
    def test_a_bad_key_is_refused(self, driver: Driver, namespace: str, value: Any) -> None:
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 9)), insert(Key(value, namespace))])
        assert load(driver, key(namespace, 9)) is None

    @cases(BAD_PATHS)
    def test_a_bad_key_cannot_be_looked_up(self, driver: Driver, namespace: str, value: Any) -> None:
        with pytest.raises(InvalidRequest):
            load(driver, Key(value, namespace))

    @cases(GOOD_PATHS)
    def test_a_key_at_the_limit_is_stored(self, driver: Driver, namespace: str, value: Any) -> None:
        driver.commit([insert(Key(value, namespace), {"p": 1})])
        assert properties(driver, Key(value, namespace)) == {"p": 1}

    @cases(BAD_NAMES)
    def test_a_bad_property_name_is_refused(self, driver: Driver, namespace: str, value: str) -> None:
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 1), {value: 1})])
        assert load(driver, key(namespace, 1)) is None

    @pytest.mark.parametrize("namespace_", ["a b", "é", "__x__", "x" * 101])
    def test_a_bad_namespace_is_refused(self, driver: Driver, namespace_: str) -> None:
        with pytest.raises(InvalidRequest):
            load(driver, key(namespace_, 1))
        with pytest.raises(InvalidRequest):
            found(driver, query(namespace_))

    @pytest.mark.parametrize("value", ["x" * 1501, b"x" * 1501, 2**63, "\ud800", (1, 2)], ids=["str", "bytes", "int", "surrogate", "array"])
    def test_a_bad_filter_value_is_refused(self, driver: Driver, namespace: str, value: Value) -> None:
        with pytest.raises(REFUSED):
            found(driver, query(namespace, test("p", "=", value)))

    @pytest.mark.parametrize("kind", ["", "x" * 1501])
    def test_a_bad_kind_cannot_be_queried(self, driver: Driver, namespace: str, kind: str) -> None:
        with pytest.raises(InvalidRequest):
            found(driver, Query(kind=kind, namespace=namespace))

    def test_a_key_filter_of_another_namespace_is_refused(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(InvalidRequest):
            found(driver, query(namespace, test(KEY, ">", key("another", 1))))

    def test_one_bad_row_keeps_the_others_out(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(InvalidRequest):
            store(driver, namespace, {1: {"p": 1}, 2: {"p": "x" * 1501}, 3: {"p": 1}})
        assert found(driver, query(namespace)) == []
