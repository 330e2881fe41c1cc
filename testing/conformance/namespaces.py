"""Namespaces: apart from one another in every respect; and ids that the store hands out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ...core.datamodel import KEY, Column, HasAncestor, Query, Shape
from ...core.datamodel.errors import InvalidRequest
from ...core.driver import Driver
from .kit import Conformance, Told, delete, found, insert, key, load, properties, query, rows, test


class NamespaceConformance(Conformance):
    @pytest.fixture
    def other(self, driver: Driver, namespace: str) -> Iterator[str]:
        yield f"{namespace}-other"
        driver.reset(f"{namespace}-other")

    def test_one_key_names_an_entity_in_each(self, driver: Driver, namespace: str, other: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1}), insert(key(other, 1), {"p": 2})])
        assert (properties(driver, key(namespace, 1)), properties(driver, key(other, 1))) == ({"p": 1}, {"p": 2})
        driver.commit([delete(key(namespace, 1))])
        assert (load(driver, key(namespace, 1)), properties(driver, key(other, 1))) == (None, {"p": 2})

    def test_one_lookup_may_span_several(self, driver: Driver, namespace: str, other: str) -> None:
        driver.commit([insert(key(namespace, 1)), insert(key(other, 1))])
        keys = [key(other, 1), key(namespace, 1)]
        assert driver.lookup(keys, Shape((Column(KEY),))) == [(at,) for at in keys]

    def test_a_query_stays_in_its_own(self, driver: Driver, namespace: str, other: str) -> None:
        driver.commit([insert(key(namespace, 1), {"n": 1}), insert(key(other, 2), {"n": 1})])
        assert found(driver, query(namespace, test("n", "=", 1))) == [1]
        assert found(driver, Query(kind=None, namespace=other)) == [2]

    def test_keys_say_where_they_are_from(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1))])
        assert rows(driver, query(namespace), Shape((Column(KEY),))) == [(key(namespace, 1),)]

    def test_an_ancestor_of_another_is_refused(self, driver: Driver, namespace: str, other: str) -> None:
        with pytest.raises(InvalidRequest):
            found(driver, query(namespace, HasAncestor(key(other, 1))))

    def test_a_reset_deletes_one_and_nothing_else(self, driver: Driver, namespace: str, other: str) -> None:
        driver.commit([insert(key(namespace, 1)), insert(key(namespace, "a", "Kind")), insert(key(namespace, 1).child("Kind", 2))])
        driver.commit([insert(key(other, 1), {"p": 1})])
        driver.reset(namespace)
        assert found(driver, Query(kind=None, namespace=namespace)) == []
        assert load(driver, key(namespace, 1)) is None
        assert properties(driver, key(other, 1)) == {"p": 1}

    def test_a_reset_of_many_entity_groups(self, driver: Driver, namespace: str) -> None:
        for start in range(1, 61, 20):
            driver.commit([insert(key(namespace, ident)) for ident in range(start, start + 20)])
        driver.reset(namespace)
        assert found(driver, query(namespace)) == []

    def test_allocated_ids_are_new_and_distinct(self, driver: Driver, namespace: str) -> None:
        told = Told()
        first = driver.allocate_ids(None, "Thing", 20, namespace, observe=told)
        second = driver.allocate_ids(None, "Thing", 20, namespace)
        assert told.methods == ["AllocateIds"]
        assert len({*first, *second}) == 40
        assert {(at.kind, at.namespace, type(at.id_or_name)) for at in first} == {("Thing", namespace, int)}
        driver.commit([insert(at) for at in first[:5]])

    def test_ids_are_allocated_below_a_parent(self, driver: Driver, namespace: str) -> None:
        parent = key(namespace, 1)
        (at,) = driver.allocate_ids(parent, "Child", 1, namespace)
        assert (at.parent, at.kind) == (parent, "Child")

    def test_many_ids_can_be_allocated(self, driver: Driver, namespace: str) -> None:
        assert len(set(driver.allocate_ids(None, "Thing", 1200, namespace))) == 1200

    def test_reserved_ids_are_not_handed_out(self, driver: Driver, namespace: str) -> None:
        (near,) = driver.allocate_ids(None, "Thing", 1, namespace)
        following = [key(namespace, int(near.id_or_name) + offset) for offset in range(1, 10)]
        driver.reserve_ids(following)
        assert not {*driver.allocate_ids(None, "Thing", 50, namespace)} & {*following}

    def test_a_driver_works_on_after_close(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        driver.close()
        assert properties(driver, key(namespace, 1)) == {"p": 1}

    def test_the_identity_is_stable(self, driver: Driver) -> None:
        assert driver.identity == driver.identity
        assert isinstance(driver.is_production, bool)
