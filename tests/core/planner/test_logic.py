"""SQL's three-valued logic becomes filters in which nothing is unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindstore.core.datamodel import KEY, And, Op, Or
from kindstore.core.planner.logic import Truth, conjunction, disjunction, exact_filter, superset_filter
from kindstore.core.planner.predicate import Compare, Every, In, IsNull, Not, NotNativeError, Opaque, Predicate, Some, Superset

from .building import key, matches, test

A1 = Compare("a", Op.EQ, 1)
NULL = test("a", ">", None)


@pytest.mark.parametrize(
    ("predicate", "filtered"),
    [
        (A1, test("a", "=", 1)),
        (Compare("a", Op.GT, 1), test("a", ">", 1)),
        (Compare("a", Op.LT, 1), And((NULL, test("a", "<", 1)))),
        (Compare("a", Op.LE, 1), And((NULL, test("a", "<=", 1)))),
        (Not(A1), And((NULL, test("a", "!=", 1)))),
        (Not(Compare("a", Op.GT, 1)), And((NULL, test("a", "<=", 1)))),
        (Not(Compare("a", Op.LE, 1)), test("a", ">", 1)),
        (Not(Not(A1)), test("a", "=", 1)),
        (In("a", (1, 2)), test("a", "IN", (1, 2))),
        (In("a", (1,)), test("a", "=", 1)),
        (In("a", ()), False),
        (Not(In("a", ())), True),
        (Not(In("a", (1, 2))), And((NULL, test("a", "NOT IN", (1, 2))))),
        (Not(In("a", (1,))), And((NULL, test("a", "!=", 1)))),
        (In("a", (1,), null_among=True), test("a", "=", 1)),
        (Not(In("a", (1,), null_among=True)), False),
        (IsNull("a"), test("a", "=", None)),
        (Not(IsNull("a")), NULL),
        (IsNull(KEY), False),
        (Not(IsNull(KEY)), True),
        (Compare(KEY, Op.LT, key(1)), test(KEY, "<", key(1))),
        (Not(Compare(KEY, Op.EQ, key(1))), test(KEY, "!=", key(1))),
        (Every((A1, True)), test("a", "=", 1)),
        (Every((A1, False)), False),
        (Some((A1, True)), True),
        (Some((A1, False)), test("a", "=", 1)),
        (Every(()), True),
        (Some(()), False),
        (Not(Every((A1, Compare("b", Op.GT, 2)))), Or((And((NULL, test("a", "!=", 1))), And((test("b", ">", None), test("b", "<=", 2)))))),
        (Every((Compare("a", Op.LT, 5), Compare("a", Op.GT, 1))), And((test("a", "<", 5), test("a", ">", 1)))),
        (Compare("a", Op.EQ, "x" * 1501), False),
        (Not(Compare("a", Op.EQ, "x" * 1501)), NULL),
        (In("a", ("x" * 1501, "y")), test("a", "=", "y")),
        (Not(In("a", ("x" * 1501, "y"))), And((NULL, test("a", "!=", "y")))),
    ],
)  # fmt: skip
def test_a_predicate_becomes_a_filter(predicate: Predicate, filtered: Truth) -> None:
    assert exact_filter(predicate) == filtered


OPAQUE = Opaque(object(), "the store has no such thing")


@pytest.mark.parametrize("predicate", [OPAQUE, Not(OPAQUE), Every((A1, OPAQUE)), Superset(A1, OPAQUE)])
def test_what_the_store_cannot_answer_is_refused(predicate: Predicate) -> None:
    with pytest.raises(NotNativeError, match="no such thing"):
        exact_filter(predicate)


@pytest.mark.parametrize(
    ("predicate", "filtered"),
    [
        (OPAQUE, True),
        (Not(OPAQUE), True),
        (Every((A1, OPAQUE)), test("a", "=", 1)),
        (Some((A1, OPAQUE)), True),
        (Not(Some((A1, OPAQUE))), And((NULL, test("a", "!=", 1)))),
        (Not(Every((A1, OPAQUE))), True),
        (Superset(A1, OPAQUE), test("a", "=", 1)),
        (Not(Superset(A1, OPAQUE)), True),
    ],
)
def test_a_superset_leaves_out_what_the_store_cannot_answer(predicate: Predicate, filtered: Truth) -> None:
    assert superset_filter(predicate) == filtered


def test_repeated_and_nested_parts_are_joined() -> None:
    first, second = test("a", "=", 1), test("b", "=", 2)
    assert conjunction((first, And((second, first)), True)) == And((first, second))
    assert disjunction((first, Or((second, first)), False)) == Or((first, second))


# Against SQL's own meaning: None is unknown.

values = st.none() | st.integers(-1, 3)
names = st.sampled_from(["a", "b"])
ops = st.sampled_from([Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE])
leaves = (
    st.builds(Compare, names, ops, st.integers(-1, 3))
    | st.builds(In, names, st.lists(st.integers(-1, 3), max_size=3, unique=True).map(tuple), st.booleans())
    | st.builds(IsNull, names)
    | st.booleans()
)
predicates = st.recursive(
    leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Every, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Some, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=8,
)
rows = st.fixed_dictionaries({"a": values, "b": values})
COMPARE: dict[Op, Any] = {
    Op.EQ: int.__eq__,
    Op.LT: int.__lt__,
    Op.LE: int.__le__,
    Op.GT: int.__gt__,
    Op.GE: int.__ge__,
}


def sql(predicate: Predicate, row: dict[str, Any]) -> bool | None:
    """Evaluate a predicate as SQL does."""
    match predicate:
        case Compare(name, op, value):
            return None if row[name] is None else COMPARE[op](row[name], value)
        case In(name, members, null_among):
            if not members and not null_among:
                return False
            if row[name] is None:
                return None
            return True if row[name] in members else None if null_among else False
        case IsNull(name):
            return row[name] is None
        case Not(part):
            answer = sql(part, row)
            return None if answer is None else not answer
        case Every(parts):
            answers = [sql(part, row) for part in parts]
            return False if False in answers else None if None in answers else True
        case Some(parts):
            answers = [sql(part, row) for part in parts]
            return True if True in answers else None if None in answers else False
    assert isinstance(predicate, bool)
    return predicate


@given(predicates, rows)
def test_a_filter_holds_exactly_where_sql_says_true(predicate: Predicate, row: dict[str, Any]) -> None:
    truth = exact_filter(predicate)
    holds = truth if isinstance(truth, bool) else matches(truth, row)
    assert holds is (sql(predicate, row) is True)
