"""Filters, evaluated as the store evaluates them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from kindstore.core.datamodel import KEY, And, Entity, Filter, GeoPoint, HasAncestor, Key, Op, Or, Test
from kindstore.core.datamodel.matching import compile_filter, normal_form
from kindstore.core.datamodel.ordering import MISSING

A, B, C = Test("a", Op.EQ, 1), Test("b", Op.EQ, 2), Test("c", Op.EQ, 3)


def matches(filter: Filter, **subject: Any) -> bool:  # noqa: A002
    return bool(compile_filter(filter, lambda name: lambda s: s.get(name, MISSING))(subject))


def holds(op: Op, operand: Any, value: Any) -> bool:
    return matches(Test("v", op, operand), v=value)


EVERY = [None, 1, True, "a", b"\xff", 1.0, math.nan, GeoPoint(0.0, 0.0), Key((("K", 1),)), datetime(2024, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("value", EVERY)
def test_a_value_equals_itself(value: Any) -> None:
    assert holds(Op.EQ, value, value)
    assert not holds(Op.NE, value, value)
    assert holds(Op.IN, (value,), value)
    assert not holds(Op.NOT_IN, (value,), value)


@pytest.mark.parametrize("value", EVERY)
def test_a_value_equals_no_other_type(value: Any) -> None:
    others = [other for other in EVERY if other is not value]
    assert not any(holds(Op.EQ, other, value) for other in others if not (other != other and value != value))
    assert all(holds(Op.NE, other, value) for other in others)


@pytest.mark.parametrize("op", [Op.LT, Op.LE, Op.GT, Op.GE])
@pytest.mark.parametrize(
    ("less", "greater"), [(1, 2), (None, 1), (1, "a"), (2, False), (True, ""), ("a", b"b"), ("z", 1.0), (math.inf, math.nan)]
)
def test_inequalities_compare_across_types(op: Op, less: Any, greater: Any) -> None:
    assert holds(op, greater, less) is (op in (Op.LT, Op.LE))
    assert holds(op, less, greater) is (op in (Op.GT, Op.GE))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("a", b"a", True), (0, datetime(1970, 1, 1, tzinfo=UTC), True), (0.0, -0.0, False), (1, 1.0, False), (1, True, False)],
)
def test_equality_of_merged_types(one: Any, other: Any, equal: bool) -> None:
    assert [holds(Op.EQ, one, other), holds(Op.EQ, other, one), holds(Op.IN, ("q", one), other)] == [equal] * 3
    assert [holds(Op.NE, one, other), holds(Op.NOT_IN, (one,), other)] == [not equal] * 2


@pytest.mark.parametrize("value", [MISSING, (), Entity(None, {"x": 1})])
@pytest.mark.parametrize("op", list(Op))
def test_what_has_no_index_row_matches_nothing(op: Op, value: Any) -> None:
    operand = (1,) if op in (Op.IN, Op.NOT_IN) else 1
    assert not holds(op, operand, value)


@pytest.mark.parametrize(("op", "operand"), [(Op.NE, 1), (Op.NOT_IN, (1, 2))])
def test_exclusions_keep_null(op: Op, operand: Any) -> None:
    assert holds(op, operand, None)


@pytest.mark.parametrize(
    ("filter", "array", "expected"),
    [
        (And((Test("v", Op.GT, 3), Test("v", Op.LT, 4))), (1, 5, 9), False),
        (And((Test("v", Op.GT, 3), Test("v", Op.LT, 6))), (1, 5, 9), True),
        (And((Test("v", Op.EQ, 1), Test("v", Op.EQ, 9))), (1, 5, 9), True),
        (And((Test("v", Op.EQ, 1), Test("v", Op.GT, 5))), (1, 5, 9), True),
        (And((Test("v", Op.NE, 5), Test("v", Op.GT, 3))), (1, 5), False),
        (And((Test("v", Op.NE, 5), And((Test("v", Op.GT, 3),)))), (1, 5), False),
        (And((Test("v", Op.GT, 3), Or((Test("v", Op.LT, 4), Test("w", Op.EQ, 1))))), (1, 5), False),
        (And((Or((Test("v", Op.GT, 3), Test("w", Op.EQ, 1))), Or((Test("v", Op.LT, 4), Test("w", Op.EQ, 1))))), (1, 5), False),
        (Test("v", Op.IN, (7, 5)), (1, 5), True),
        (Test("v", Op.NE, 5), (5,), False),
        (Test("v", Op.GT, 1), (Entity(None, {}),), False),
    ],
)
def test_arrays(filter: Filter, array: Any, expected: bool) -> None:  # noqa: A002
    assert matches(filter, v=array) is expected


def test_embedded_paths() -> None:
    inside = Entity(None, {"x": 1, "y": 2}, frozenset("y"))
    assert matches(Test("e.x", Op.EQ, 1), e=inside)
    assert matches(Test("e.x", Op.EQ, 1), **{"e.x": 1})
    assert not matches(Test("e.y", Op.EQ, 2), e=inside)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Key((("P", 1),)), True),
        (Key((("P", 1), ("K", 1))), True),
        (Key((("P", 11),)), False),
        (Key((("K", 1), ("P", 1))), False),
        (Key((("P", 1),), "other"), False),
    ],
)
def test_ancestors(key: Key, expected: bool) -> None:
    assert matches(HasAncestor(Key((("P", 1),))), **{KEY: key}) is expected


def test_keys_are_compared_by_path() -> None:
    assert matches(Test(KEY, Op.GT, Key((("K", 9),))), **{KEY: Key((("K", "a"),))})
    assert not matches(Test(KEY, Op.GT, Key((("K", 9),))), **{KEY: Key((("K", 9),))})


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (And((A, B)), True),
        (And((A, B, C)), False),
        (And((A, B, Or((C, B)))), True),
        (Or((C, B)), True),
        (Or((C,)), False),
        (Or((C, And((A, C)), And((A, B)))), True),
    ],
)
def test_connectives(filter: Filter, expected: bool) -> None:  # noqa: A002
    assert matches(filter, a=1, b=2, c=0) is expected


def test_the_normal_form_is_an_or_of_ands() -> None:
    assert normal_form(And((A, Or((B, And((C, A))))))) == [(A, B), (A, C, A)]


def test_the_normal_form_splits_in_when_asked() -> None:
    among = Test("a", Op.IN, (1, 2))
    assert normal_form(among) == [(among,)]
    assert normal_form(among, split_in=True) == [(Test("a", Op.EQ, 1),), (Test("a", Op.EQ, 2),)]
