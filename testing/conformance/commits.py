"""Commits: the verbs, their preconditions, versions, and all or nothing."""

from __future__ import annotations

import pytest

from ...core.datamodel import ID, VERSION, Column, Shape
from ...core.datamodel.errors import AlreadyExists, InvalidRequest, NotFound, ResourceExhausted, VersionConflict
from ...core.driver import Driver
from .kit import Conformance, Told, delete, insert, key, load, member, properties, query, rows, store, update, upsert

KEYS_AND_VERSIONS = Shape((Column(ID), Column(VERSION)))


class CommitConformance(Conformance):
    def test_insert_stores(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        assert properties(driver, key(namespace, 1)) == {"p": 1}

    def test_insert_of_a_taken_key_fails_and_names_it(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        with pytest.raises(AlreadyExists) as caught:
            driver.commit([insert(key(namespace, 1), {"p": 2})])
        assert caught.value.key == key(namespace, 1)
        assert properties(driver, key(namespace, 1)) == {"p": 1}

    def test_update_replaces_the_whole_entity(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1, "q": 1})])
        driver.commit([update(key(namespace, 1), {"p": 2})])
        assert properties(driver, key(namespace, 1)) == {"p": 2}

    def test_update_of_a_missing_entity_fails_and_names_it(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(NotFound) as caught:
            driver.commit([update(key(namespace, 1), {"p": 2})])
        assert caught.value.key == key(namespace, 1)
        assert load(driver, key(namespace, 1)) is None

    def test_upsert_inserts_and_replaces(self, driver: Driver, namespace: str) -> None:
        driver.commit([upsert(key(namespace, 1), {"p": 1, "q": 1})])
        driver.commit([upsert(key(namespace, 1), {"p": 2})])
        assert properties(driver, key(namespace, 1)) == {"p": 2}

    def test_delete_removes(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1))])
        driver.commit([delete(key(namespace, 1))])
        assert load(driver, key(namespace, 1)) is None

    def test_delete_of_a_missing_entity_is_no_error(self, driver: Driver, namespace: str) -> None:
        assert len(driver.commit([delete(key(namespace, 1))])) == 1

    def test_a_commit_is_one_rpc_with_a_result_for_each_mutation(self, driver: Driver, namespace: str) -> None:
        told = Told()
        results = driver.commit([insert(key(namespace, 1)), upsert(key(namespace, 2)), delete(key(namespace, 3))], observe=told)
        assert told.methods == ["Commit"]
        assert len(results) == 3

    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_all_mutations_apply_or_none(self, driver: Driver, namespace: str, position: int) -> None:
        driver.commit([insert(key(namespace, 10), {"p": 1})])
        mutations = [upsert(key(namespace, 1)), upsert(key(namespace, 2))]
        mutations.insert(position, insert(key(namespace, 10), {"p": 2}))
        with pytest.raises(AlreadyExists):
            driver.commit(mutations)
        assert [load(driver, key(namespace, 1)), load(driver, key(namespace, 2))] == [None, None]
        assert properties(driver, key(namespace, 10)) == {"p": 1}

    def test_a_bad_value_keeps_the_whole_commit_out(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 1), {"p": 1}), insert(key(namespace, 2), {"p": 2**63})])
        assert load(driver, key(namespace, 1)) is None

    def test_an_entity_may_occur_once(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(InvalidRequest):
            driver.commit([upsert(key(namespace, 1), {"p": 1}), upsert(key(namespace, 1), {"p": 2})])
        assert load(driver, key(namespace, 1)) is None

    def test_an_empty_commit_is_nothing(self, driver: Driver) -> None:
        assert driver.commit([]) == []

    def test_every_change_gives_a_new_version(self, driver: Driver, namespace: str) -> None:
        (first,) = driver.commit([insert(key(namespace, 1), {"p": 1})])
        (second,) = driver.commit([update(key(namespace, 1), {"p": 2})])
        assert 0 < first.version < second.version

    def test_the_base_version_that_was_read_lets_a_write_pass(self, driver: Driver, namespace: str) -> None:
        (result,) = driver.commit([insert(key(namespace, 1), {"p": 1})])
        driver.commit([update(key(namespace, 1), {"p": 2}, base_version=result.version)])
        assert properties(driver, key(namespace, 1)) == {"p": 2}

    def test_another_base_version_is_a_conflict(self, driver: Driver, namespace: str) -> None:
        (first,) = driver.commit([insert(key(namespace, 1), {"p": 1})])
        driver.commit([update(key(namespace, 1), {"p": 2})])
        with pytest.raises(VersionConflict):
            driver.commit([upsert(key(namespace, 2)), update(key(namespace, 1), {"p": 3}, base_version=first.version)])
        assert properties(driver, key(namespace, 1)) == {"p": 2}
        assert load(driver, key(namespace, 2)) is None

    def test_a_delete_may_have_a_base_version(self, driver: Driver, namespace: str) -> None:
        (first,) = driver.commit([insert(key(namespace, 1), {"p": 1})])
        (second,) = driver.commit([update(key(namespace, 1), {"p": 2})])
        with pytest.raises(VersionConflict):
            driver.commit([delete(key(namespace, 1), base_version=first.version)])
        driver.commit([delete(key(namespace, 1), base_version=second.version)])
        assert load(driver, key(namespace, 1)) is None

    def test_base_version_zero_means_that_the_entity_must_not_exist(self, driver: Driver, namespace: str) -> None:
        driver.commit([upsert(key(namespace, 1), {"p": 1}, base_version=0)])
        with pytest.raises(VersionConflict):
            driver.commit([upsert(key(namespace, 1), {"p": 2}, base_version=0)])
        assert properties(driver, key(namespace, 1)) == {"p": 1}

    def test_a_delete_at_version_zero_guards_an_absence(self, driver: Driver, namespace: str) -> None:
        driver.commit([delete(key(namespace, 1), base_version=0), upsert(key(namespace, 2))])
        with pytest.raises(VersionConflict):
            driver.commit([delete(key(namespace, 2), base_version=0), upsert(key(namespace, 3))])
        assert load(driver, key(namespace, 3)) is None

    def test_query_results_carry_the_version(self, driver: Driver, namespace: str) -> None:
        (result,) = driver.commit([insert(key(namespace, 1), {"p": 1})])
        shape = Shape((Column(ID), Column(VERSION), Column("p")))
        assert rows(driver, query(namespace), shape) == [(1, result.version, 1)]

    def test_keys_only_results_carry_the_version_where_the_store_can(self, driver: Driver, namespace: str) -> None:
        (result,) = driver.commit([insert(key(namespace, 1), {"p": 1})])
        version = result.version if driver.capabilities.keys_only_versions else 0
        assert rows(driver, query(namespace), KEYS_AND_VERSIONS) == [(1, version)]

    def test_more_mutations_than_a_commit_takes_are_refused(self, driver: Driver, namespace: str) -> None:
        count = (driver.capabilities.commit_mutations or 1000) + 1
        mutations = [insert(member(namespace, ident + 1)) for ident in range(count)]
        if driver.capabilities.commit_mutations is None:
            assert len(driver.commit(mutations)) == count
            return
        with pytest.raises(InvalidRequest):
            driver.commit(mutations)
        assert load(driver, member(namespace, 1)) is None

    def test_more_entity_groups_than_a_commit_takes_are_refused(self, driver: Driver, namespace: str) -> None:
        count = (driver.capabilities.entity_groups or 100) + 1
        mutations = [insert(key(namespace, ident + 1)) for ident in range(count)]
        if driver.capabilities.entity_groups is None:
            assert len(driver.commit(mutations)) == count
            return
        with pytest.raises(InvalidRequest):
            driver.commit(mutations)
        assert load(driver, key(namespace, 1)) is None

    def test_a_commit_of_too_many_bytes_is_refused(self, driver: Driver, namespace: str) -> None:
        blob = bytes(1_000_000)
        count = driver.capabilities.request_bytes // len(blob) + 1
        mutations = [insert(member(namespace, ident + 1), {"p": blob}, unindexed={"p"}) for ident in range(count)]
        with pytest.raises(ResourceExhausted):
            driver.commit(mutations)
        assert load(driver, member(namespace, 1)) is None

    def test_as_many_mutations_as_a_commit_takes_pass(self, driver: Driver, namespace: str) -> None:
        count = min(driver.capabilities.commit_mutations or 500, 500)
        store(driver, namespace, {ident + 1: {"p": ident} for ident in range(count)})
        assert len(rows(driver, query(namespace), KEYS_AND_VERSIONS)) == count
