"""A driver with the capabilities of another store refuses what that store would refuse."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kindstore.core.datamodel import Aggregation, HasAncestor, Mutation, Op, Order, Query, Test, Transform, Verb
from kindstore.core.datamodel.errors import InvalidRequest, ResourceExhausted, Unsupported
from kindstore.core.driver import Capabilities, ReadOptions
from kindstore.drivers.memory import MemoryDriver

from .building import entity, ids, key, put, read

LEGACY = Capabilities(
    disjunctions=1,
    not_equal=False,
    inequality_properties=1,
    inequality_orders_first=True,
    aggregations=frozenset(),
    property_masks=False,
    property_transforms=False,
    queries_in_transactions=False,
    read_time=False,
    entity_groups=2,
    request_bytes=10_000,
)


@pytest.fixture
def legacy() -> MemoryDriver:
    driver = MemoryDriver(":memory:legacy", LEGACY)
    driver.reset("")
    return driver


@pytest.mark.parametrize(
    ("filter", "orders"),
    [
        (Test("a", Op.IN, (1, 2)), ()),
        (Test("a", Op.NE, 1), ()),
        (Test("a", Op.GT, 1), (Order("b"),)),
    ],
)
def test_refused_queries(legacy: MemoryDriver, filter: Test, orders: tuple[Order, ...]) -> None:  # noqa: A002
    with pytest.raises(InvalidRequest):
        ids(legacy, filter=filter, orders=orders)


def test_an_inequality_that_is_sorted_by_first_is_accepted(legacy: MemoryDriver) -> None:
    legacy.commit([put(1, a=2, b=1), put(2, a=3, b=0)])
    assert ids(legacy, filter=Test("a", Op.GT, 1), orders=(Order("a"), Order("b"))) == [1, 2]


@pytest.mark.parametrize(
    "mutation",
    [
        Mutation(Verb.UPSERT, key(1), entity(1, a=1), mask=("a",)),
        Mutation(Verb.UPSERT, key(1), entity(1), transforms=(Transform("a", "increment", 1),)),
    ],
)
def test_masks_and_transforms_are_never_ignored(legacy: MemoryDriver, mutation: Mutation) -> None:
    with pytest.raises(Unsupported):
        legacy.commit([mutation])


def test_entity_groups_are_counted(legacy: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="entity groups"):
        legacy.commit([put(1, a=1), put(2, a=1), put(3, a=1)])


def test_a_commit_has_a_greatest_size(legacy: MemoryDriver) -> None:
    long = {"a": "x" * 6000, "unindexed": ("a",)}
    with pytest.raises(ResourceExhausted):
        legacy.commit([put(1, **long), put(2, **long)])  # type: ignore[arg-type]
    assert ids(legacy) == []


def test_only_ancestor_queries_run_in_a_transaction(legacy: MemoryDriver) -> None:
    options = ReadOptions(transaction=legacy.begin())
    assert ids(legacy, options, filter=HasAncestor(key(1))) == []
    with pytest.raises(InvalidRequest, match="ancestor"):
        ids(legacy, options)


def test_the_past_cannot_be_read(legacy: MemoryDriver) -> None:
    with pytest.raises(Unsupported):
        read(legacy, 1, ReadOptions(read_time=datetime.now(UTC)))


def test_aggregations_that_the_store_is_without_are_refused(legacy: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest):
        legacy.aggregate(Query("K"), [Aggregation("count")])
