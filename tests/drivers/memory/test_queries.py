"""What queries mean, and which are refused because the store would refuse them in production."""

from __future__ import annotations

from typing import Any

import pytest

from kindstore.core.datamodel import (
    KEY,
    Aggregation,
    And,
    Column,
    Entity,
    Filter,
    HasAncestor,
    Key,
    Op,
    Or,
    Order,
    Query,
    Shape,
    Test,
)
from kindstore.core.datamodel.errors import InvalidRequest
from kindstore.core.driver import RPC, ReadOptions
from kindstore.drivers.memory import MemoryDriver

from .building import IDS, ids, key, put

T = Test
FIVE = tuple(range(5))


@pytest.fixture
def mixed(driver: MemoryDriver) -> MemoryDriver:
    """Hold one entity for each type of value, named after it, and one that lacks the property."""
    values: dict[str, Any] = {"null": None, "one": 1, "two": 2, "false": False, "text": "a", "float": 1.0, "key": key(1)}
    driver.commit([put(name, v=value) for name, value in values.items()] + [put("missing", w=1)])
    return driver


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        (Op.GT, 1, ["two", "false", "text", "float", "key"]),
        (Op.LT, 2, ["null", "one"]),
        (Op.EQ, 1, ["one"]),
        (Op.EQ, 1.0, ["float"]),
        (Op.EQ, None, ["null"]),
        (Op.EQ, False, ["false"]),
        (Op.EQ, b"a", ["text"]),
        (Op.NE, 1, ["null", "two", "false", "text", "float", "key"]),
        (Op.NOT_IN, (1, None), ["two", "false", "text", "float", "key"]),
        (Op.IN, ("a", 2), ["text", "two"]),
    ],
)
def test_operators_compare_across_types(mixed: MemoryDriver, op: Op, value: Any, expected: list[str]) -> None:
    assert ids(mixed, filter=T("v", op, value)) == expected


def test_unindexed_properties_match_nothing(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1, unindexed=("v",)), put(2, v=1)])
    assert ids(driver, filter=T("v", Op.EQ, 1)) == ids(driver, orders=(Order("v"),)) == [2]


def test_embedded_properties_are_paths(driver: MemoryDriver) -> None:
    driver.commit([put(n, e=Entity(None, {"x": Entity(None, {"y": n})})) for n in (3, 1, 2)])
    driver.commit([put(4, e=Entity(None, {"x": 1}, frozenset(("x",))))])
    assert ids(driver, filter=T("e.x.y", Op.GT, 1), orders=(Order("e.x.y", True),)) == [3, 2]
    assert ids(driver, filter=T("e.x", Op.EQ, 1)) == ids(driver, orders=(Order("e"),)) == []


def test_one_element_satisfies_all_inequalities_and_each_equality_another(driver: MemoryDriver) -> None:
    driver.commit([put(1, t=(1, 5, 9))])
    between = And((T("t", Op.GT, 5), T("t", Op.LT, 9)))
    both = And((T("t", Op.EQ, 1), T("t", Op.EQ, 9)))
    assert (ids(driver, filter=between), ids(driver, filter=both)) == ([], [1])


def test_an_entity_occurs_once_whatever_elements_match(driver: MemoryDriver) -> None:
    driver.commit([put(1, t=(5, 1, 9)), put(2, t=(4,))])
    assert ids(driver, filter=T("t", Op.GT, 2)) == [2, 1]
    assert ids(driver, orders=(Order("t"),)) == [1, 2]
    assert ids(driver, orders=(Order("t", True),)) == [1, 2]


def test_an_empty_array_has_no_index_row(driver: MemoryDriver) -> None:
    driver.commit([put(1, t=()), put(2, t=None)])
    assert ids(driver, orders=(Order("t"),)) == [2]


def test_an_entity_without_the_sorted_property_drops_out_and_null_comes_first(driver: MemoryDriver) -> None:
    driver.commit([put(1, n=1), put(2, n=None), put(3, m=1)])
    assert ids(driver, orders=(Order("n"),)) == [2, 1]


def test_ties_follow_the_last_direction_unless_the_key_is_sorted(driver: MemoryDriver) -> None:
    driver.commit([put(n, v=1) for n in (1, 2, 3)])
    assert ids(driver, orders=(Order("v"),)) == [1, 2, 3]
    assert ids(driver, orders=(Order("v", True),)) == [3, 2, 1]
    assert ids(driver, orders=(Order("v", True), Order(KEY))) == [1, 2, 3]


def test_several_inequalities_sort_by_name(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=2, b=1), put(2, a=1, b=2), put(3, a=0, b=9)])
    assert ids(driver, filter=And((T("b", Op.GT, 0), T("a", Op.GT, 0)))) == [2, 1]


def test_in_and_or_of_equalities_are_in_key_order_without_duplicates(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=9, w=1), put(2, v=1, w=1), put(3, v=5, w=2)])
    assert ids(driver, filter=T("v", Op.IN, (9, 5, 1))) == [1, 2, 3]
    assert ids(driver, filter=Or((T("w", Op.EQ, 1), T("v", Op.EQ, 1)))) == [1, 2]


def test_an_inequality_in_one_branch_sorts_and_thins_all(driver: MemoryDriver) -> None:
    driver.commit([put(1, m=20), put(2, m=20, n=None), put(3, n=5)])
    assert ids(driver, filter=Or((T("n", Op.GT, 3), T("m", Op.EQ, 20)))) == [2, 3]


def test_ancestors_include_themselves_and_may_be_kindless(driver: MemoryDriver) -> None:
    root = Key((("P", 1),))
    driver.commit([put(root, a=1), put(root.child("K", 1), a=1), put(root.child("K", 1).child("L", 1), a=1), put(Key((("P", 10),)), a=1)])
    query = Query(None, filter=HasAncestor(root))
    found = [row[0].path for page in driver.run_query(query, Shape((Column(KEY),))) for row in page.rows]
    assert found == [root.path, root.child("K", 1).path, root.child("K", 1).child("L", 1).path]


def test_keys_sort_by_path_with_ids_before_names(driver: MemoryDriver) -> None:
    paths = [(("A", 1), ("K", 5)), (("K", -1),), (("K", 1),), (("K", 1), ("K", 1)), (("K", 2),), (("K", 10),), (("K", "1"),), (("K", "B"),)]
    driver.commit([put(Key(path), a=1) for path in reversed(paths)])
    rows = [row[0].path for page in driver.run_query(Query("K"), Shape((Column(KEY),))) for row in page.rows]
    assert rows == paths


def test_a_projected_array_gives_a_row_for_each_element(driver: MemoryDriver) -> None:
    driver.commit([put(1, t=(2, 1), n="x"), put(2, n="y"), put(3, t=(3,), n="z", unindexed=("n",))])
    shape = Shape((Column("t"), Column("n")))
    rows = [row for page in driver.run_query(Query("K", projection=("t", "n")), shape) for row in page.rows]
    assert rows == [(1, "x"), (2, "x")]


def test_an_inequality_picks_among_projected_elements(driver: MemoryDriver) -> None:
    driver.commit([put(1, t=(1, 5, 9))])
    query = Query("K", filter=T("t", Op.GT, 3), projection=("t",))
    assert [row for page in driver.run_query(query, Shape((Column("t"),))) for row in page.rows] == [(5,), (9,)]


def test_an_embedded_property_can_be_projected(driver: MemoryDriver) -> None:
    driver.commit([put(1, e=Entity(None, {"x": 4}))])
    rows = [row for page in driver.run_query(Query("K", projection=("e.x",)), Shape((Column("e.x"),))) for row in page.rows]
    assert rows == [(4,)]


def test_distinct_keeps_the_first_of_each_group(driver: MemoryDriver) -> None:
    driver.commit([put(n, g=n % 3, v=-n) for n in range(1, 10)])
    orders = (Order("g"), Order("v"))
    assert ids(driver, distinct_on=("g",), orders=orders) == [9, 7, 8]
    assert ids(driver, distinct_on=("g",), orders=orders, limit=1, offset=1) == [7]


def test_distinct_continues_with_the_next_group(driver: MemoryDriver) -> None:
    driver.commit([put(n, g=n % 3) for n in range(1, 10)])
    query = Query("K", projection=("g",), distinct_on=("g",), limit=1)
    (page,) = driver.run_query(query, Shape((Column("g"),)))
    following = Query("K", projection=("g",), distinct_on=("g",), start_cursor=page.cursor)
    assert [row for p in driver.run_query(following, Shape((Column("g"),))) for row in p.rows] == [(1,), (2,)]


def test_each_page_is_one_rpc(driver: MemoryDriver) -> None:
    driver.commit([put(n, v=n) for n in range(1, 11)])
    seen: list[RPC] = []
    pages = list(driver.run_query(Query("K"), IDS, ReadOptions(page_size=5), observe=seen.append))
    assert [len(page.rows) for page in pages] == [rpc.rows for rpc in seen] == [5, 5]
    assert {rpc.method for rpc in seen} == {"RunQuery"}


def test_no_results_are_one_empty_page(driver: MemoryDriver) -> None:
    (page,) = driver.run_query(Query("Nothing"), IDS)
    assert (page.rows, page.cursor) == ([], None)


def test_limit_0_is_one_empty_page(driver: MemoryDriver) -> None:
    driver.commit([put(1, a=1)])
    assert [page.rows for page in driver.run_query(Query("K", limit=0), IDS)] == [[]]


def test_a_failed_rpc_is_told_with_its_error(driver: MemoryDriver) -> None:
    seen: list[RPC] = []
    with pytest.raises(InvalidRequest) as caught:
        driver.commit([put(0, a=1)], observe=seen.append)
    assert [(rpc.method, rpc.error) for rpc in seen] == [("Commit", caught.value)]


@pytest.mark.parametrize("cursor", [b"nonsense", b"[1]", b"{}", b'["Other",[[4,"a"],["K",0,1]]]', b'["K",[["K",0,1],1,2]]', b"\xff"])
def test_foreign_cursors_are_refused(driver: MemoryDriver, cursor: bytes) -> None:
    driver.commit([put(1, v="a")])
    with pytest.raises(InvalidRequest, match="cursor"):
        ids(driver, orders=(Order("v"),), start_cursor=cursor)


@pytest.mark.parametrize(
    ("aggregations", "expected"),
    [
        ([Aggregation("count")], (5,)),
        ([Aggregation("count", up_to=3)], (3,)),
        ([Aggregation("sum", "n"), Aggregation("avg", "n")], (6, 2.0)),
        ([Aggregation("sum", "f")], (1.5,)),
        ([Aggregation("sum", "big")], (2.0**64,)),
        ([Aggregation("sum", "missing"), Aggregation("avg", "missing")], (0, None)),
        ([Aggregation("count"), Aggregation("sum", "n")], (4, 6)),
    ],
)
def test_aggregations(driver: MemoryDriver, aggregations: list[Aggregation], expected: tuple[Any, ...]) -> None:
    driver.commit(
        [
            put(1, n=1, f=1.0, big=2**63 - 1),
            put(2, n=2, f=0.5, big=2**63 - 1),
            put(3, n=3, big=2),
            put(4, n="text"),
            put(5, other=1),
        ]
    )
    assert driver.aggregate(Query("K"), aggregations) == expected


def test_a_count_honours_the_slice(driver: MemoryDriver) -> None:
    driver.commit([put(n, v=1) for n in range(1, 11)])
    assert driver.aggregate(Query("K", limit=5, offset=7), [Aggregation("count")]) == (3,)


@pytest.mark.parametrize(
    "aggregations", [[], [Aggregation("count")] * 6, [Aggregation("max", "n")], [Aggregation("count", up_to=-1)], [Aggregation("sum", KEY)]]
)
def test_refused_aggregations(driver: MemoryDriver, aggregations: list[Aggregation]) -> None:
    with pytest.raises(InvalidRequest):
        driver.aggregate(Query("K"), aggregations)


@pytest.mark.parametrize(
    "refused",
    [
        And((T("a", Op.NE, 1), T("b", Op.NE, 1))),
        And((T("a", Op.NE, 1), T("b", Op.NOT_IN, (1,)))),
        T("a", Op.IN, ()),
        T("a", Op.IN, tuple(range(31))),
        T("a", Op.NOT_IN, ()),
        T("a", Op.NOT_IN, tuple(range(11))),
        And((T("a", Op.NOT_IN, (1,)), T("b", Op.IN, (1, 2)))),
        And((T("a", Op.NOT_IN, (1,)), Or((T("b", Op.EQ, 1), T("b", Op.EQ, 2))))),
        And((T("a", Op.IN, FIVE), T("b", Op.IN, FIVE), T("c", Op.IN, FIVE))),
        And(tuple(T(f"p{n}", Op.GT, 1) for n in range(11))),
        And(()),
        And(tuple(T("a", Op.EQ, n) for n in range(101))),
        T("a", Op.EQ, (1, 2)),
        T("a", Op.EQ, Entity(None, {})),
        T(KEY, Op.EQ, 1),
        T(KEY, Op.EQ, key(1, namespace="other")),
        Or((HasAncestor(key(1)), T("a", Op.EQ, 1))),
        And((HasAncestor(key(1)), HasAncestor(key(2)))),
    ],
)
def test_refused_filters(driver: MemoryDriver, refused: Filter) -> None:
    with pytest.raises(InvalidRequest):
        ids(driver, filter=refused)


@pytest.mark.parametrize(
    "query",
    [
        {"orders": (Order("a"), Order("a", True))},
        {"limit": -1},
        {"offset": -1},
        {"kind": None, "filter": T("a", Op.EQ, 1)},
        {"kind": None, "orders": (Order(KEY, True),)},
        {"kind": "__kind__"},
        {"projection": ("a", "a")},
        {"projection": ("a",), "filter": T("a", Op.EQ, 1)},
        {"projection": ("a",), "distinct_on": ("a",), "orders": (Order("b"), Order("a"))},
        {"namespace": "no good"},
    ],
)
def test_refused_queries(driver: MemoryDriver, query: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        ids(driver, **query)


def test_a_result_is_found_without_a_scan_of_the_kind(driver: MemoryDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    for first in range(1, 2001, 500):
        driver.commit([put(n, v=n, w=n % 2) for n in range(first, first + 500)])
    wanted = And((T("v", Op.GE, 1000), T("v", Op.LT, 1010), T("w", Op.EQ, 0)))
    ids(driver, filter=wanted)
    visited: list[int] = []
    from kindstore.drivers.memory import selection

    compiled = selection._compile

    def counting(branch: Any) -> Any:
        matches = compiled(branch)
        return None if matches is None else lambda record: visited.append(1) or matches(record)

    monkeypatch.setattr(selection, "_compile", counting)
    assert ids(driver, filter=wanted) == [1000, 1002, 1004, 1006, 1008]
    assert len(visited) == 10


def test_an_aggregated_property_is_sorted_by_before_the_key(driver: MemoryDriver) -> None:
    driver.commit([put(1, n=5), put(2, n=3), put(3, m=1), put(4, n=4)])
    assert driver.aggregate(Query("K", offset=1, limit=1), [Aggregation("sum", "n")]) == (4,)


def test_a_projected_property_is_sorted_by_before_the_key_unless_a_key_range_is_asked_for(driver: MemoryDriver) -> None:
    driver.commit([put(1, n=5), put(2, n=3), put(3, n=4)])
    assert ids(driver, projection=("n",)) == [2, 3, 1]
    assert ids(driver, projection=("n",), filter=T(KEY, Op.GT, key(1))) == [2, 3]
    assert ids(driver, projection=("n",), filter=T(KEY, Op.LT, key(9))) == [1, 2, 3]
