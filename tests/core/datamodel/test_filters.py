"""Walks over filters: what is tested, and how it is counted."""

from __future__ import annotations

import pytest

from kindstore.core.datamodel import And, Filter, HasAncestor, Key, Op, Or, Test
from kindstore.core.datamodel.filters import count_tests, disjunctions, has_or, inequality_names, leaves, property_tests
from kindstore.core.datamodel.matching import normal_form

A, B, C = Test("a", Op.EQ, 1), Test("b", Op.GT, 2), Test("c", Op.NE, 3)
AMONG, OUTSIDE = Test("a", Op.IN, (1, 2, 3)), Test("b", Op.NOT_IN, (4, 5))
BELOW = HasAncestor(Key((("K", 1),)))


@pytest.mark.parametrize(
    ("filter", "found"),
    [(None, []), (A, [A]), (BELOW, [BELOW]), (And((A, Or((B, And((BELOW, A)))), C)), [A, B, BELOW, A, C]), (Or(()), [])],
)
def test_the_leaves_come_in_order(filter: Filter | None, found: list[Filter]) -> None:  # noqa: A002
    assert list(leaves(filter)) == found


def test_an_ancestor_is_no_test() -> None:
    assert list(property_tests(And((BELOW, Or((A, B)))))) == [A, B]


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        (A, 1),
        (BELOW, 1),
        (And((A, B)), 1),
        (Or((A, B)), 2),
        (And((Or((A, B)), Or((A, B, C)))), 6),
        (And((AMONG, Or((B, C)))), 6),
        (OUTSIDE, 1),
    ],
)
def test_disjunctions_are_counted_as_in_the_normal_form(filter: Filter, count: int) -> None:  # noqa: A002
    assert disjunctions(filter) == len(normal_form(filter, split_in=True)) == count


@pytest.mark.parametrize(("conditions", "count"), [([], 0), ([A, BELOW], 2), ([A, AMONG], 4), ([OUTSIDE, C], 3)])
def test_each_value_of_a_list_is_a_test(conditions: list[Filter], count: int) -> None:
    assert count_tests(conditions) == count


def test_a_property_with_inequalities_is_named_once() -> None:
    assert inequality_names([C, B, A, AMONG, OUTSIDE, BELOW]) == ["c", "b"]


@pytest.mark.parametrize(
    ("filter", "found"), [(None, False), (A, False), (And((A, B)), False), (Or((A,)), True), (And((A, And((Or((A, B)),)))), True)]
)
def test_an_or_is_found_at_any_depth(filter: Filter | None, found: bool) -> None:  # noqa: A002
    assert has_or(filter) is found
