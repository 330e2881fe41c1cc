"""Random queries in a transaction have the answers that the store has when the writes are really made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kindstore.core.backend.place import Place
from kindstore.core.datamodel import (
    ENTITY,
    KEY,
    Aggregation,
    And,
    Column,
    Entity,
    HasAncestor,
    Key,
    Mutation,
    Op,
    Or,
    Order,
    Query,
    Shape,
    Test,
    Transform,
    Verb,
)
from kindstore.core.datamodel.errors import AlreadyExists, InvalidRequest, NotFound, Unsupported
from kindstore.core.datamodel.filters import inequality_names
from kindstore.core.datamodel.filters import leaves as filter_leaves
from kindstore.core.driver import LATEST, ReadOptions
from kindstore.core.session.changes import Unit
from kindstore.drivers.memory import MemoryDriver
from kindstore.plugins.transactions.snapshot import Characteristics
from kindstore.plugins.transactions.transaction import Transaction

SETS, QUERIES = 300, 6
HERE, WRITTEN = "here", "written"  # what stands before the number of an example in the names of its two namespaces
NAMES = ("a", "b", "c", "d")
WHOLE = Shape((Column(ENTITY),))
PLACE = Place(__file__, 1, __name__, "transaction")
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
REFUSED = (Unsupported, InvalidRequest)
examples = count()

small = st.integers(0, 3)
scalars = (
    small | small | st.sampled_from([None, True, False, "", "a", "é", b"b", 0.0, 1.0, -0.0, float("nan"), datetime(1970, 1, 2, tzinfo=UTC)])
)
arrays = st.lists(small | scalars, min_size=1, max_size=3).map(tuple)
paths = st.integers(1, 7).map(lambda ident: (("K", ident),)) | st.sampled_from(
    [(("K", "x"),), (("P", 1), ("K", 1)), (("P", 1), ("K", "y"))]
)
properties = st.fixed_dictionaries({"a": scalars, "b": small}, optional={"c": scalars, "d": arrays})
unindexed = st.sampled_from([(), (), (), (), ("a",), ("c", "d")]).map(frozenset)
entities = st.tuples(paths, properties, unindexed)
sets = st.lists(entities, max_size=10, unique_by=lambda each: each[0])
some = st.dictionaries(st.sampled_from(NAMES), scalars, max_size=2)
writes = st.one_of(
    st.tuples(st.sampled_from([Verb.INSERT, Verb.UPDATE, Verb.UPSERT]), entities, st.none(), st.just(())),
    st.tuples(st.just(Verb.DELETE), st.tuples(paths, st.just({}), st.just(frozenset())), st.none(), st.just(())),
    st.tuples(
        st.just(Verb.UPDATE),  # only of what is there: that is what sessions write
        st.tuples(paths, some, st.just(frozenset())),
        st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
        st.sampled_from([(), (), (Transform("b", "increment", 2),)]),
    ),
)
comparisons = st.builds(Test, st.sampled_from(NAMES), st.sampled_from([Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE, Op.NE]), scalars)
memberships = st.builds(
    Test, st.sampled_from(NAMES), st.sampled_from([Op.IN, Op.NOT_IN]), st.lists(scalars, min_size=1, max_size=3).map(tuple)
)
key_tests = st.builds(Test, st.just(KEY), st.sampled_from([Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE, Op.NE]), paths.map(Key))
ancestors = st.just(HasAncestor(Key((("P", 1),))))
leaves = comparisons | comparisons | memberships | key_tests | ancestors
filters = st.recursive(
    leaves,
    lambda inner: st.builds(lambda kind, parts: kind(tuple(parts)), st.sampled_from([And, Or]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=4,
)
sorted_by = st.lists(st.builds(Order, st.sampled_from(NAMES), st.booleans()), max_size=2, unique_by=lambda order: order.name)
# A plan always ends with the key, for the stores differ in how they break ties.
orders = st.tuples(sorted_by, st.booleans()).map(lambda both: (*both[0], Order(KEY, both[1])))
queries = st.builds(
    Query,
    st.sampled_from(["K", "K", "K", "K", "Other"]),
    filter=st.none() | leaves | filters,
    orders=orders,
    limit=st.none() | st.integers(0, 6),
    offset=st.sampled_from([0, 0, 1, 2]),
).filter(lambda query: not is_of_arrays(query))
groupings = st.builds(
    lambda query, name, descending: Query(
        "K",
        filter=query.filter,
        orders=(Order(name, descending),),
        projection=(name,),
        distinct_on=(name,),
        limit=query.limit,
        offset=query.offset,
    ),
    queries,
    st.sampled_from(["a", "b"]),
    st.booleans(),
)


@pytest.fixture(scope="module")
def driver() -> Iterator[MemoryDriver]:
    made = MemoryDriver(":memory:merging")
    yield made
    made.close()


def within(namespace: str, condition: Any) -> Any:
    """Return a filter with the keys in it moved into a namespace."""
    match condition:
        case And(parts) | Or(parts):
            return type(condition)(tuple(within(namespace, part) for part in parts))
        case HasAncestor(key):
            return HasAncestor(Key(key.path, namespace))
        case Test(name, op, Key(path)):
            return Test(name, op, Key(path, namespace))
    return condition


def asked(query: Query, namespace: str) -> Query:
    return Query(
        query.kind, namespace, within(namespace, query.filter), query.orders, query.projection, query.distinct_on, query.limit, query.offset
    )


def mutation(namespace: str, write: Any) -> Mutation:
    verb, (path, values, excluded), mask, transforms = write
    key = Key(path, namespace)
    if verb is Verb.DELETE:
        return Mutation(verb, key)
    if mask is not None:
        values = {name: value for name, value in values.items() if name in mask}
    return Mutation(verb, key, Entity(key, values, excluded & frozenset(values)), mask, transforms)


def store(driver: MemoryDriver, namespace: str, batch: Sequence[Any]) -> None:
    made = [Key(path, namespace) for path, _, _ in batch]
    driver.commit(
        [
            Mutation(Verb.UPSERT, key, Entity(key, values, excluded & frozenset(values)))
            for key, (_, values, excluded) in zip(made, batch, strict=True)
        ]
    )


def outcome(write: Any, *arguments: Any) -> Any:
    """Return the results of transforms, or the error, of one write."""
    try:
        return [result.transformed for result in write(*arguments)]
    except (AlreadyExists, NotFound) as error:
        return type(error)


def shown(entity: Entity) -> Any:
    """Return what can be compared of an entity."""
    assert entity.key is not None
    return entity.key.path, repr(sorted(entity.properties.items())), sorted(entity.unindexed)


def answer(source: Any, query: Query, shape: Shape = WHOLE, options: ReadOptions = LATEST) -> Any:
    """Return what a query finds; None where it is refused."""
    try:
        rows = [row for page in source.run_query(query, shape, options) for row in page.rows]
    except REFUSED:
        return None
    return [shown(row[0]) if isinstance(row[0], Entity) else repr(row) for row in rows]


def check(
    transaction: Transaction, mine: Query, driver: MemoryDriver, its: Query, shape: Shape = WHOLE, options: ReadOptions = LATEST
) -> None:
    """Compare the answer of a transaction with that of the store, but to a query that the store refuses."""
    expected = answer(driver, its, shape)
    assert expected is None or answer(transaction, mine, shape, options) == expected, mine


def totals(source: Any, query: Query) -> Any:
    try:
        return [
            repr(source.aggregate(query, [aggregation])) for aggregation in AGGREGATIONS if aggregation.name is None or not is_cut(query)
        ]
    except REFUSED:
        return None


def is_cut(query: Query) -> bool:
    """Tell whether a query has a window: what a store sums up then depends on the index that it uses."""
    return query.limit is not None or query.offset > 0


def is_of_arrays(query: Query) -> bool:
    """Tell whether a query sorts by arrays of which an inequality matches only some elements: the store alone knows which of them sorts."""
    return any(order.name == "d" for order in query.orders) and "d" in inequality_names(filter_leaves(query.filter))


AGGREGATIONS = (Aggregation("count"), Aggregation("count", up_to=3), Aggregation("sum", "b"), Aggregation("avg", "b"))


def written(driver: MemoryDriver, batch: Sequence[Any], made: Sequence[Any]) -> tuple[Transaction, str, str]:
    """Return a transaction that has made writes, its namespace, and one in which the store has made them."""
    number = next(examples)
    here, there = f"{HERE}-{number}", f"{WRITTEN}-{number}"
    if batch:
        store(driver, here, batch)
        store(driver, there, batch)
    transaction = Transaction(driver, Characteristics(), PLACE, "default")
    for write in made:
        mine, its = mutation(here, write), mutation(there, write)
        assert outcome(transaction.write, Unit((), [mine]), [mine]) == outcome(driver.commit, [its]), write
    return transaction, here, there


quick = settings(
    max_examples=SETS, deadline=None, derandomize=True, phases=PHASES, report_multiple_bugs=False, suppress_health_check=list(HealthCheck)
)


@quick
@given(sets, st.lists(writes, max_size=6), st.lists(queries, min_size=QUERIES, max_size=QUERIES), st.sampled_from([None, 1, 2]))
def test_queries_are_answered_as_if_the_writes_were_made(
    driver: MemoryDriver, batch: Sequence[Any], made: Sequence[Any], several: list[Query], page_size: int | None
) -> None:
    transaction, here, there = written(driver, batch, made)
    for query in several:
        check(transaction, asked(query, here), driver, asked(query, there), options=ReadOptions(page_size=page_size))


@quick
@given(sets, st.lists(writes, max_size=6), st.lists(queries, min_size=QUERIES, max_size=QUERIES))
def test_aggregates_are_those_after_the_writes(
    driver: MemoryDriver, batch: Sequence[Any], made: Sequence[Any], several: list[Query]
) -> None:
    transaction, here, there = written(driver, batch, made)
    for query in several:
        assert totals(transaction, asked(query, here)) == totals(driver, asked(query, there)), query


@quick
@given(sets, st.lists(writes, max_size=6), st.lists(groupings, min_size=QUERIES, max_size=QUERIES))
def test_distinct_values_are_those_after_the_writes(
    driver: MemoryDriver, batch: Sequence[Any], made: Sequence[Any], several: list[Query]
) -> None:
    transaction, here, there = written(driver, batch, made)
    for query in several:
        shape = Shape((Column(query.projection[0]),))
        check(transaction, asked(query, here), driver, asked(query, there), shape)


@quick
@given(sets, st.lists(writes, max_size=8), st.lists(paths, min_size=1, max_size=8))
def test_lookups_find_what_was_written(driver: MemoryDriver, batch: Sequence[Any], made: Sequence[Any], several: Sequence[Any]) -> None:
    transaction, here, there = written(driver, batch, made)
    mine = transaction.lookup([Key(path, here) for path in several], WHOLE)
    its = driver.lookup([Key(path, there) for path in several], WHOLE)
    assert [row and shown(row[0]) for row in mine] == [row and shown(row[0]) for row in its]


@quick
@given(sets, st.lists(writes, max_size=4), st.lists(writes, max_size=4), st.lists(queries, min_size=QUERIES, max_size=QUERIES))
def test_what_was_rolled_back_is_not_seen(
    driver: MemoryDriver, batch: Sequence[Any], made: Sequence[Any], undone: Sequence[Any], several: list[Query]
) -> None:
    transaction, here, there = written(driver, batch, made)
    mark = transaction.mark()
    for write in undone:
        outcome(transaction.write, Unit((), []), [mutation(here, write)])
    transaction.roll_back_to(mark)
    for query in several:
        check(transaction, asked(query, here), driver, asked(query, there))
