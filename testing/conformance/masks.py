"""Masks and transforms: writing a part of an entity; a store that would ignore them must refuse, as ignoring loses data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ...core.datamodel import Key, Mutation, MutationResult, Transform, Value, Verb
from ...core.datamodel.errors import NotFound, Unsupported, VersionConflict
from ...core.driver import Driver
from .kit import REFUSED, Conformance, insert, key, load, properties, update, upsert

WHOLE: dict[str, Value] = {"a": 1, "b": "x", "c": (1, 2)}


def partly(driver: Driver, mutations: Sequence[Mutation]) -> list[MutationResult] | None:
    """Commit mutations with masks or transforms; None where the store is not capable of them and refuses."""
    masked = any(mutation.mask is not None for mutation in mutations)
    transformed = any(mutation.transforms for mutation in mutations)
    capable = (driver.capabilities.property_masks or not masked) and (driver.capabilities.property_transforms or not transformed)
    if capable:
        return driver.commit(mutations)
    with pytest.raises(Unsupported):
        driver.commit(mutations)
    return None


def stored(driver: Driver, namespace: str, values: dict[str, Value] = WHOLE) -> tuple[Key, int]:
    at = key(namespace, 1)
    (result,) = driver.commit([insert(at, values)])
    return at, result.version


def bump(at: Key, *transforms: Transform, **rest: Any) -> Mutation:
    """Return a mutation that applies transforms and leaves all else."""
    return update(at, mask=(), transforms=transforms, **rest)


class MaskConformance(Conformance):
    def test_a_mask_writes_only_what_it_names(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace)
        done = partly(driver, [update(at, {"a": 2, "b": "not written"}, mask=("a",))])
        assert properties(driver, at) == (WHOLE if done is None else {**WHOLE, "a": 2})

    def test_a_mask_removes_what_the_entity_lacks(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace)
        done = partly(driver, [update(at, {"a": 2}, mask=("a", "b"))])
        assert properties(driver, at) == (WHOLE if done is None else {"a": 2, "c": (1, 2)})

    def test_a_mask_adds_what_was_missing(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace)
        done = partly(driver, [update(at, {"new": None}, mask=("new",))])
        assert properties(driver, at) == (WHOLE if done is None else {**WHOLE, "new": None})

    def test_an_upsert_may_have_a_mask(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace)
        done = partly(driver, [upsert(at, {"a": 2}, mask=("a",)), upsert(key(namespace, 2), {"a": 2}, mask=("a",))])
        assert properties(driver, at) == (WHOLE if done is None else {**WHOLE, "a": 2})
        assert done is None or properties(driver, key(namespace, 2)) == {"a": 2}

    @pytest.mark.parametrize("name", ["a.b", "with space", "é", "back`tick", "back\\slash"])
    def test_a_mask_takes_any_name(self, driver: Driver, namespace: str, name: str) -> None:
        at, _ = stored(driver, namespace, {name: 1, "other": 1})
        done = partly(driver, [update(at, {name: 2}, mask=(name,))])
        assert properties(driver, at) == {name: 1 if done is None else 2, "other": 1}

    def test_a_masked_update_of_a_missing_entity_fails(self, driver: Driver, namespace: str) -> None:
        with pytest.raises((NotFound, Unsupported)):
            driver.commit([update(key(namespace, 1), {"a": 2}, mask=("a",))])
        assert load(driver, key(namespace, 1)) is None

    def test_a_mask_goes_with_a_base_version(self, driver: Driver, namespace: str) -> None:
        at, version = stored(driver, namespace)
        done = partly(driver, [update(at, {"a": 2}, mask=("a",), base_version=version)])
        driver.commit([upsert(at, {**properties(driver, at), "b": "y"})])
        with pytest.raises((VersionConflict, Unsupported)):
            driver.commit([update(at, {"a": 3}, mask=("a",), base_version=version)])
        assert properties(driver, at) == {**WHOLE, "a": 1 if done is None else 2, "b": "y"}

    def test_an_empty_mask_guards_an_entity_that_was_read(self, driver: Driver, namespace: str) -> None:
        at, version = stored(driver, namespace)
        guard = Mutation(Verb.UPDATE, at, None, (), base_version=version)
        done = partly(driver, [guard, insert(key(namespace, 2))])
        assert properties(driver, at) == WHOLE
        assert (load(driver, key(namespace, 2)) is None) is (done is None)

    def test_a_guard_of_an_old_version_conflicts(self, driver: Driver, namespace: str) -> None:
        at, version = stored(driver, namespace)
        driver.commit([update(at, {"a": 2})])
        with pytest.raises((VersionConflict, Unsupported)):
            driver.commit([Mutation(Verb.UPDATE, at, None, (), base_version=version), insert(key(namespace, 2))])
        assert load(driver, key(namespace, 2)) is None


class TransformConformance(Conformance):
    @pytest.mark.parametrize(
        ("kind", "before", "operand", "after"),
        [
            ("increment", 5, 3, 8),
            ("increment", 5, -7, -2),
            ("increment", 1.5, 1.0, 2.5),
            ("increment", None, 3, 3),
            ("increment", 2**63 - 2, 5, 2**63 - 1),
            ("maximum", 5, 3, 5),
            ("maximum", 5, 9, 9),
            ("minimum", 5, 3, 3),
            ("minimum", 5, 9, 5),
            ("append_missing", (1, 2), (2, 3), (1, 2, 3)),
            ("remove_all", (1, 2, 1, 3), (1,), (2, 3)),
        ],
    )
    def test_a_transform_changes_one_property(
        self, driver: Driver, namespace: str, kind: str, before: Value, operand: Value, after: Value
    ) -> None:
        at, _ = stored(driver, namespace, {"p": before, "q": "kept"})
        done = partly(driver, [bump(at, Transform("p", kind, operand))])
        assert properties(driver, at) == {"p": before if done is None else after, "q": "kept"}

    def test_an_increment_of_a_missing_property_gives_the_increment(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace, {"q": 1})
        done = partly(driver, [bump(at, Transform("p", "increment", 3))])
        assert properties(driver, at) == ({"q": 1} if done is None else {"p": 3, "q": 1})

    def test_the_result_tells_the_values(self, driver: Driver, namespace: str) -> None:
        at, version = stored(driver, namespace, {"p": 1, "q": 10})
        done = partly(driver, [bump(at, Transform("q", "increment", 1), Transform("p", "increment", 1))])
        assert done is None or (done[0].transformed, done[0].version > version) == ((11, 2), True)

    def test_a_mask_and_a_transform_go_together(self, driver: Driver, namespace: str) -> None:
        at, version = stored(driver, namespace)
        mutation = update(at, {"b": "y"}, mask=("b",), transforms=(Transform("a", "increment", 1),), base_version=version)
        done = partly(driver, [mutation])
        assert properties(driver, at) == (WHOLE if done is None else {**WHOLE, "a": 2, "b": "y"})

    def test_transforms_are_all_or_nothing_too(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace, {"p": 1})
        with pytest.raises((NotFound, Unsupported)):
            driver.commit([bump(at, Transform("p", "increment", 1)), update(key(namespace, 2), {})])
        assert properties(driver, at) == {"p": 1}

    def test_an_unknown_transform_is_refused(self, driver: Driver, namespace: str) -> None:
        at, _ = stored(driver, namespace, {"p": 1})
        with pytest.raises(REFUSED):
            driver.commit([bump(at, Transform("p", "square", 1))])
        assert properties(driver, at) == {"p": 1}
