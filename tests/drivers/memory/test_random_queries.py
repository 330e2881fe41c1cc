"""What the indexes answer is what looking at every entity answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kindstore.core.datamodel import (
    ENTITY,
    KEY,
    Aggregation,
    And,
    Column,
    Entity,
    GeoPoint,
    HasAncestor,
    Key,
    Mutation,
    Op,
    Or,
    Order,
    Query,
    Shape,
    Test,
    Verb,
)
from kindstore.core.datamodel.errors import InvalidRequest
from kindstore.core.driver import ReadOptions
from kindstore.drivers.memory import MemoryDriver, access, selection

from . import reference

WHOLE = Shape((Column(ENTITY),))
NAMES = ("a", "b", "c")
stores = count()

scalars = st.sampled_from(
    [
        None,
        True,
        False,
        -1,
        0,
        1,
        2,
        3,
        2**63 - 1,
        "",
        "a",
        "b",
        "é",
        b"a",
        b"\xff",
        0.0,
        -0.0,
        1.0,
        2.5,
        float("nan"),
        float("inf"),
        datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        GeoPoint(1.0, 2.0),
        Key((("K", 1),)),
        Key((("K", "x"),)),
    ]
)
small = st.integers(0, 3)
arrays = st.lists(small | scalars, max_size=3).map(tuple)
values = st.one_of(small, small, scalars, arrays)
paths = st.one_of(
    st.integers(1, 12).map(lambda n: (("K", n),)),
    st.sampled_from([(("K", -1),), (("K", "x"),), (("P", 1), ("K", 1)), (("P", 1), ("K", "y")), (("P", 2), ("K", 1))]),
)
entities = st.builds(
    lambda path, properties, unindexed: Entity(Key(path), properties, frozenset(unindexed) & frozenset(properties)),
    paths,
    st.fixed_dictionaries({"a": values, "b": small}, optional={"c": values}),
    st.sampled_from([(), (), (), (), "a", "c"]),
)
operands = small | small | scalars
comparisons = st.builds(Test, st.sampled_from(NAMES), st.sampled_from([Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE, Op.NE]), operands)
memberships = st.builds(
    Test, st.sampled_from(NAMES), st.sampled_from([Op.IN, Op.NOT_IN]), st.lists(operands, min_size=1, max_size=3).map(tuple)
)
key_tests = st.builds(Test, st.just(KEY), st.sampled_from([Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE]), paths.map(Key))
leaves = comparisons | comparisons | comparisons | memberships | key_tests
filters = st.recursive(
    leaves, lambda inner: st.builds(lambda c, p: c(tuple(p)), st.sampled_from([And, Or]), st.lists(inner, min_size=1, max_size=3))
)
scoped = filters | st.builds(lambda inner: And((HasAncestor(Key((("P", 1),))), inner)), filters)
orders = st.lists(st.builds(Order, st.sampled_from((*NAMES, KEY)), st.booleans()), max_size=2, unique_by=lambda order: order.name).map(
    tuple
)
queries = st.builds(
    Query,
    st.just("K"),
    filter=st.none() | leaves | leaves | scoped,
    orders=orders,
    limit=st.none() | st.integers(1, 6),
    offset=st.sampled_from([0, 0, 1, 2]),
)


@pytest.fixture(autouse=True, scope="module", params=["few are looked at one by one", "indexes even for few"])
def few(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the indexes be used for small kinds, too."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "indexes even for few":
            patch.setattr(access, "FEW", -1)
            patch.setattr(selection, "SMALL", -1)
        yield


def driver_with(batch: list[Entity]) -> MemoryDriver:
    driver = MemoryDriver(f":memory:random-{next(stores)}")
    driver.commit([Mutation(Verb.UPSERT, entity.key, entity) for entity in {entity.key: entity for entity in batch}.values()])
    return driver


def answer(driver: MemoryDriver, query: Query, options: ReadOptions = ReadOptions()) -> list[Key]:  # noqa: B008
    return [row[0].key for page in driver.run_query(query, WHOLE, options) for row in page.rows]


def is_valid(driver: MemoryDriver, query: Query) -> bool:
    try:
        answer(driver, query)
    except InvalidRequest:
        return False
    return True


def stored(driver: MemoryDriver) -> list[Entity]:
    return [row[0] for page in driver.run_query(Query("K"), WHOLE) for row in page.rows]


relaxed = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@relaxed
@given(st.lists(entities, min_size=4, max_size=14), st.lists(queries, min_size=1, max_size=4))
def test_indexes_answer_as_a_scan_does(batch: list[Entity], asked: list[Query]) -> None:
    driver = driver_with(batch)
    valid = [query for query in asked if is_valid(driver, query)]
    expected = [[entity.key for entity in reference.run(query, stored(driver))] for query in valid]
    assert [answer(driver, query) for query in valid] == expected


@relaxed
@given(st.lists(entities, min_size=4, max_size=14), st.lists(entities, max_size=8), queries)
def test_indexes_follow_later_commits(batch: list[Entity], later: list[Entity], query: Query) -> None:
    driver = driver_with(batch)
    valid = is_valid(driver, query)
    driver.commit([Mutation(Verb.UPSERT, entity.key, entity) for entity in {entity.key: entity for entity in later}.values()])
    driver.commit([Mutation(Verb.DELETE, entity.key) for entity in {entity.key: entity for entity in batch[:3]}.values()])
    expected = [entity.key for entity in reference.run(query, stored(driver))] if valid else []
    assert (answer(driver, query) if valid else []) == expected


@relaxed
@given(st.lists(entities, min_size=4, max_size=14), st.lists(entities, max_size=8), queries, st.integers(1, 3))
def test_a_snapshot_answers_as_before_later_commits(batch: list[Entity], later: list[Entity], query: Query, page_size: int) -> None:
    driver = driver_with(batch)
    before = answer(driver, query) if is_valid(driver, query) else []
    transaction = driver.begin(read_only=True)
    driver.commit([Mutation(Verb.UPSERT, entity.key, entity) for entity in {entity.key: entity for entity in later}.values()])
    driver.commit([Mutation(Verb.DELETE, entity.key) for entity in {entity.key: entity for entity in batch[:3]}.values()])
    options = ReadOptions(transaction=transaction, page_size=page_size)
    assert (answer(driver, query, options) if is_valid(driver, query) else []) == before


@relaxed
@given(st.lists(entities, min_size=4, max_size=14), queries, st.integers(1, 4))
def test_pages_and_cursors_lose_and_repeat_nothing(batch: list[Entity], query: Query, page_size: int) -> None:
    driver = driver_with(batch)
    whole = answer(driver, query) if is_valid(driver, query) else []
    paged = answer(driver, query, ReadOptions(page_size=page_size)) if is_valid(driver, query) else []
    assert paged == whole


@relaxed
@given(st.lists(entities, min_size=4, max_size=14), queries, st.integers(1, 4))
def test_a_cursor_continues_and_ends_where_it_was_taken(batch: list[Entity], query: Query, first: int) -> None:
    driver = driver_with(batch)
    unbounded = Query(query.kind, filter=query.filter, orders=query.orders)
    whole = answer(driver, unbounded) if is_valid(driver, unbounded) else []
    if len(whole) < first:
        return
    (page,) = driver.run_query(Query(query.kind, filter=query.filter, orders=query.orders, limit=first), WHOLE)
    rest = Query(query.kind, filter=query.filter, orders=query.orders, start_cursor=page.cursor)
    head = Query(query.kind, filter=query.filter, orders=query.orders, end_cursor=page.cursor)
    assert (answer(driver, head), answer(driver, rest)) == (whole[:first], whole[first:])


@relaxed
@given(st.lists(entities, min_size=4, max_size=14), queries)
def test_a_count_is_the_number_of_results(batch: list[Entity], query: Query) -> None:
    driver = driver_with(batch)
    if is_valid(driver, query):
        assert driver.aggregate(query, [Aggregation("count")]) == (len(answer(driver, query)),)
