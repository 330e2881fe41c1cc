"""What a commit does: all of its mutations or none, with preconditions, masks and transforms."""

from __future__ import annotations

from typing import Any

import pytest

from kindstore.core.datamodel import Entity, Key, Mutation, Transform, Verb
from kindstore.core.datamodel.errors import AlreadyExists, InvalidRequest, NotFound, VersionConflict
from kindstore.drivers.memory import MemoryDriver

from .building import WHOLE, delete, entity, key, put, read


def test_an_insert_of_a_taken_key_names_it(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1)])
    with pytest.raises(AlreadyExists) as caught:
        driver.commit([put(1, verb=Verb.INSERT, a=2)])
    assert caught.value.key == key(1)


def test_an_update_of_a_missing_key_names_it(driver: MemoryDriver) -> None:
    with pytest.raises(NotFound) as caught:
        driver.commit([put(1, verb=Verb.UPDATE, a=2)])
    assert caught.value.key == key(1)


def test_a_commit_that_fails_writes_nothing(driver: MemoryDriver) -> None:
    driver.commit([put(2, a=1)])
    with pytest.raises(AlreadyExists):
        driver.commit([put(1, a=1), put(2, verb=Verb.INSERT, a=2)])
    assert (read(driver, 1), read(driver, 2)) == (None, {"a": 1})


def test_a_deletion_of_a_missing_key_is_no_error(driver: MemoryDriver) -> None:
    assert len(driver.commit([delete(1)])) == 1


def test_an_entity_can_be_inserted_again_after_its_deletion(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1)])
    driver.commit([delete(1)])
    driver.commit([put(1, verb=Verb.INSERT, a=2)])
    assert read(driver, 1) == {"a": 2}


def test_an_entity_may_occur_once_in_a_commit(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        driver.commit([put(1, a=1), delete(1)])


def test_versions_increase(driver: MemoryDriver) -> None:
    versions = [driver.commit([put(1, a=n)])[0].version for n in range(50)]
    assert versions == sorted(set(versions))


def test_a_row_carries_the_version_of_its_commit(driver: MemoryDriver) -> None:
    (result,) = driver.commit([put(1, a=1)])
    assert driver.lookup([key(1)], WHOLE)[0][0].version == result.version  # type: ignore[index]


@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.UPSERT])
def test_a_base_version_that_is_current_is_accepted(driver: MemoryDriver, verb: Verb) -> None:
    (result,) = driver.commit([put(1, a=1)])
    driver.commit([Mutation(verb, key(1), entity(1, a=2), base_version=result.version)])
    assert read(driver, 1) == {"a": 2}


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.UPSERT, Verb.DELETE])
def test_a_base_version_that_is_not_current_is_a_conflict(driver: MemoryDriver, verb: Verb, base: int) -> None:
    driver.commit([put(1, a=1)])
    with pytest.raises(VersionConflict):
        driver.commit([Mutation(verb, key(1), None if verb is Verb.DELETE else entity(1, a=2), base_version=base)])


def test_deleting_at_version_0_guards_a_missing_key(driver: MemoryDriver) -> None:
    driver.commit([Mutation(Verb.DELETE, key(1), base_version=0), put(2, a=1)])
    assert read(driver, 2) == {"a": 1}


def test_an_empty_mask_guards_a_version_and_writes_nothing(driver: MemoryDriver) -> None:
    (before,) = driver.commit([put(1, a=1)])
    (after,) = driver.commit([Mutation(Verb.UPDATE, key(1), entity(1), mask=(), base_version=before.version)])
    assert (read(driver, 1), after.version) == ({"a": 1}, before.version)


def test_a_mask_writes_and_removes_only_what_it_names(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1, b=2, c=3)])
    driver.commit([Mutation(Verb.UPDATE, key(1), entity(1, a=9, c=9), mask=("a", "b"))])
    assert read(driver, 1) == {"a": 9, "c": 3}


def test_a_mask_reaches_into_an_embedded_entity(driver: MemoryDriver) -> None:
    driver.commit([put(1, e=Entity(None, {"x": 1, "y": 2}))])
    driver.commit([Mutation(Verb.UPDATE, key(1), entity(1, e=Entity(None, {"x": 5})), mask=("e.x",))])
    assert read(driver, 1) == {"e": Entity(None, {"x": 5, "y": 2})}


def test_a_masked_property_takes_its_exclusion_from_the_indexes_along(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1, b=2, unindexed=("b",))])
    driver.commit([Mutation(Verb.UPDATE, key(1), entity(1, a=1, b=2, unindexed=("a",)), mask=("a", "b"))])
    assert driver.lookup([key(1)], WHOLE)[0][0].unindexed == {"a"}  # type: ignore[index]


def test_an_upsert_with_a_mask_creates(driver: MemoryDriver) -> None:
    driver.commit([Mutation(Verb.UPSERT, key(1), entity(1, a=1, b=2), mask=("a",))])
    assert read(driver, 1) == {"a": 1}


@pytest.mark.parametrize(
    ("before", "kind", "operand", "after", "result"),
    [
        (1, "increment", 2, 3, 3),
        (None, "increment", 2, 2, 2),
        ("text", "increment", 2, 2, 2),
        (1, "increment", 0.5, 1.5, 1.5),
        (2**63 - 1, "increment", 1, 2**63 - 1, 2**63 - 1),
        (-(2**63), "increment", -1, -(2**63), -(2**63)),
        (5, "maximum", 3, 5, 5),
        (5, "maximum", 7, 7, 7),
        (None, "maximum", 7, 7, 7),
        (5, "minimum", 3, 3, 3),
        ("text", "minimum", 3, 3, 3),
        ((1, 2), "append_missing", (2, 3), (1, 2, 3), None),
        ((1,), "append_missing", (1.0, 4, 4), (1, 4), None),
        ("text", "append_missing", (1,), (1,), None),
        ((1, 2, 1), "remove_all", (1,), (2,), None),
        (None, "remove_all", (1,), (), None),
    ],
)
def test_transforms(driver: MemoryDriver, before: Any, kind: str, operand: Any, after: Any, result: Any) -> None:
    driver.commit([put(1, a=before, other=1)])
    (done,) = driver.commit([Mutation(Verb.UPDATE, key(1), None, mask=(), transforms=(Transform("a", kind, operand),))])
    assert (read(driver, 1), done.transformed) == ({"a": after, "other": 1}, (result,))


def test_a_transform_of_a_missing_property_gives_its_value(driver: MemoryDriver) -> None:
    driver.commit([put(1, other=1)])
    driver.commit([Mutation(Verb.UPDATE, key(1), None, mask=(), transforms=(Transform("a", "increment", 5),))])
    assert read(driver, 1) == {"other": 1, "a": 5}


def test_transforms_and_masks_combine(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1, b=1, c=1)])
    driver.commit([Mutation(Verb.UPDATE, key(1), entity(1, b=9), mask=("b",), transforms=(Transform("a", "increment", 1),))])
    assert read(driver, 1) == {"a": 2, "b": 9, "c": 1}


@pytest.mark.parametrize(
    "mutation",
    [
        Mutation(Verb.UPSERT, key(1)),
        Mutation(Verb.INSERT, key(1), entity(1, a=1), mask=("a",)),
        Mutation(Verb.DELETE, key(1), mask=("a",)),
        Mutation(Verb.UPSERT, key(1), entity(1), transforms=(Transform("a", "double", 1),)),
        Mutation(Verb.UPSERT, key(1), entity(1), transforms=(Transform("a", "increment", "x"),)),
        Mutation(Verb.UPSERT, key(1), entity(1), transforms=(Transform("a", "increment", 2**63),)),
    ],
)
def test_mutations_that_make_no_sense_are_refused(driver: MemoryDriver, mutation: Mutation) -> None:
    with pytest.raises(InvalidRequest):
        driver.commit([mutation])


def test_what_is_stored_does_not_follow_the_callers_dict(driver: MemoryDriver) -> None:
    properties: dict[str, Any] = {"a": 1}
    driver.commit([Mutation(Verb.INSERT, key(1), Entity(key(1), properties))])
    properties["a"] = 2
    assert read(driver, 1) == {"a": 1}


def test_namespaces_are_apart_and_reset_deletes_one(driver: MemoryDriver) -> None:
    here, there = key(1), key(1, namespace="other")
    driver.commit([put(here, a=1), put(there, a=2)])
    driver.reset("other")
    assert (read(driver, here), read(driver, there)) == ({"a": 1}, None)


def test_drivers_of_one_name_share_a_store(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1)])
    assert read(MemoryDriver(driver.name), 1) == {"a": 1}
    assert read(MemoryDriver(driver.name + "-another"), 1) is None


def test_identity_is_that_of_the_store(driver: MemoryDriver) -> None:
    assert MemoryDriver(driver.name).identity == driver.identity != MemoryDriver(driver.name + "-another").identity


def test_allocated_ids_are_fresh_and_reserved_ones_are_kept(driver: MemoryDriver) -> None:
    keys = driver.allocate_ids(Key((("P", 1),)), "K", 100)
    driver.reserve_ids([key(5), key("name")])
    assert len(set(keys)) == 100
    assert all(k.path[0] == ("P", 1) and k.kind == "K" and 0 < int(k.id_or_name) < 2**52 for k in keys)


def test_a_reserved_id_is_not_handed_out(driver: MemoryDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([4, 6, 6, 8])
    monkeypatch.setattr("kindstore.drivers.memory.store.secrets.randbelow", lambda bound: next(drawn))
    driver.commit([put(7, a=1)])
    driver.reserve_ids([key(5)])
    assert driver.allocate_ids(None, "K", 1) == [key(9)]
