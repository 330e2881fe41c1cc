"""How a filter is fitted to what a store can do: nothing is lost, and nothing is asked that the store refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kindstore.core.datamodel import KEY, And, Filter, Op, Or, Order, Test
from kindstore.core.datamodel.filters import count_tests, disjunctions, property_tests
from kindstore.core.driver import Capabilities
from kindstore.core.planner.fit import Fit, fit
from kindstore.core.planner.normalform import TooManyBranches, conjuncts

from .building import BUDGET, LEGACY, NAMES, RICH, STORES, by, key, matches, test

A, B = test("a", "=", 1), test("b", "=", 2)


@pytest.mark.parametrize(
    ("condition", "rich", "legacy"),
    [
        (None, 1, 1),
        (A, 1, 1),
        (And((A, B)), 1, 1),
        (Or((A, B)), 1, 2),
        (test("a", "IN", (1, 2, 3)), 1, 3),
        (test("a", "IN", tuple(range(60))), 2, 60),
        (test("a", "!=", 1), 1, 2),
        (test("a", "NOT IN", (1, 5)), 1, 3),
        (test("a", "NOT IN", (1, 2)), 1, 2),
        (test("a", "NOT IN", tuple(range(0, 22, 2))), 1, 12),
        (And((test("a", "!=", 1), test("b", "!=", 1))), 1, 2),
        (And((test("a", ">", 1), test("b", ">", 1))), 1, 1),
        (And((test("a", "IN", (1, 2)), test("b", "IN", (1, 2, 3)))), 1, 6),
        (And((test("a", "IN", tuple(range(30))), *(test(f"p{i}", "=", 1) for i in range(70)))), 1, 30),
        (And((test("a", "IN", tuple(range(30))), *(test(f"p{i}", "=", 1) for i in range(71)))), 2, 30),
        (Or(tuple(And((test("a", "=", n), B, *(test(name, "=", 1) for name in "cdef"))) for n in range(20))), 2, 20),
        (test(KEY, "!=", key(1)), 1, 1),
        (test(KEY, "NOT IN", tuple(map(key, range(1, 50)))), 1, 1),
    ],
)
def test_the_number_of_queries(condition: Filter | None, rich: int, legacy: int) -> None:
    assert [len(fit(condition, (), store, BUDGET).branches) for store in STORES] == [rich, legacy]


@pytest.mark.parametrize("store", STORES, ids=NAMES)
@pytest.mark.parametrize(
    "many", [test("a", "IN", tuple(range(5000))), Or((B, test("a", "NOT IN", tuple(range(0, 9000, 2)))))], ids=["in", "or"]
)
def test_more_queries_than_the_budget_are_refused(store: Capabilities, many: Filter) -> None:
    with pytest.raises(TooManyBranches):
        fit(many, (), store, BUDGET)


@pytest.mark.parametrize("store", STORES, ids=NAMES)
def test_what_multiplies_the_queries_is_checked_again_where_the_rest_narrows_the_rows(store: Capabilities) -> None:
    either = [Or((test(f"a{n}", "=", 1), test(f"b{n}", "=", 1))) for n in range(20)]
    condition = And((A, *either))
    found = fit(condition, (), store, BUDGET)
    assert len(found.branches) <= BUDGET
    assert found.recheck == condition


@pytest.mark.parametrize("store", STORES, ids=NAMES)
def test_a_product_of_alternatives_keeps_some_of_them(store: Capabilities) -> None:
    condition = And((test("a", "IN", tuple(range(90))), test("b", "IN", tuple(range(95)))))
    found = fit(condition, (), store, BUDGET)
    assert (len(found.branches), found.recheck) == (90 if store is LEGACY else 3, condition)


def test_a_second_inequality_is_checked_again_where_the_store_takes_one() -> None:
    condition = And((test("a", ">", 1), test("b", ">", 1)))
    assert fit(condition, (), RICH, BUDGET) == Fit((condition,))
    assert fit(condition, by("b"), LEGACY, BUDGET) == Fit((test("b", ">", 1),), condition, ordered=True)


def test_being_null_says_less_than_another_inequality() -> None:
    condition = And((test("a", ">", None), test("a", "!=", 3), test("b", ">", 1)))
    assert fit(condition, (), LEGACY, BUDGET).recheck == condition


@pytest.mark.parametrize(("orders", "ordered"), [((), True), (by("a"), True), (by("b"), False), (by("-a"), True)])
def test_the_legacy_store_sorts_by_the_inequality_first(orders: tuple[Order, ...], ordered: bool) -> None:
    assert fit(test("a", ">", 1), orders, LEGACY, BUDGET).ordered is ordered
    assert fit(test("a", ">", 1), orders, RICH, BUDGET).ordered is True


operands = st.none() | st.integers(0, 4)
names = st.sampled_from(["a", "b", "c"])
leaves = st.builds(Test, names, st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE]), operands) | st.builds(
    Test, names, st.sampled_from([Op.IN, Op.NOT_IN]), st.lists(operands, min_size=1, max_size=12, unique=True).map(tuple)
)
filters = st.recursive(
    leaves,
    lambda inner: st.builds(lambda kind, parts: kind(tuple(parts)), st.sampled_from([And, Or]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=5,
)
rows = st.lists(st.fixed_dictionaries({"a": operands, "b": operands}, optional={"c": operands}), max_size=6)
orders = st.sampled_from([(), by("a"), by("-b", "a"), by("c")])


def fitted(condition: Filter, wanted: tuple[Order, ...], store: Capabilities) -> Fit | None:
    try:
        return fit(condition, wanted, store, BUDGET)
    except TooManyBranches:
        return None


@pytest.mark.parametrize("store", STORES, ids=NAMES)
@settings(max_examples=300, deadline=None)
@given(filters, rows, orders)
def test_the_queries_find_together_what_the_filter_finds(
    store: Capabilities, condition: Filter, rows: list[dict[str, Any]], orders: tuple[Order, ...]
) -> None:
    found = fitted(condition, orders, store)
    if found is None:
        return
    for row in rows:
        answer = any(matches(branch, row) for branch in found.branches) and matches(found.recheck, row)
        assert answer is matches(condition, row)


@pytest.mark.parametrize("store", STORES, ids=NAMES)
@settings(max_examples=300, deadline=None)
@given(filters, orders)
def test_no_query_asks_for_what_the_store_refuses(store: Capabilities, condition: Filter, orders: tuple[Order, ...]) -> None:
    found = fitted(condition, orders, store)
    for branch in found.branches if found is not None else ():
        assert branch is None or refusals(branch, orders, store, ordered=found.ordered) == []


def refusals(branch: Filter, orders: tuple[Order, ...], store: Capabilities, *, ordered: bool) -> list[str]:
    """Return why a store would refuse a query."""
    leaves = list(property_tests(branch))
    unequal = [leaf for leaf in leaves if leaf.op in (Op.NE, Op.NOT_IN)]
    properties = list(dict.fromkeys(leaf.name for leaf in leaves if leaf.op.is_inequality))
    reasons = {
        "disjunctions": disjunctions(branch) > store.disjunctions,
        "exclusions": len(unequal) > (1 if store.not_equal else 0),
        "values of NOT IN": any(leaf.op is Op.NOT_IN and len(leaf.value) > store.not_in_values for leaf in unequal),
        "NOT IN beside OR": any(leaf.op is Op.NOT_IN for leaf in unequal) and disjunctions(branch) > 1,
        "inequalities": store.inequality_properties is not None and len(properties) > store.inequality_properties,
        "tests": store.filters_and_orders is not None and count_tests(leaves) + len(orders) > store.filters_and_orders,
        "order": store.inequality_orders_first and ordered and bool(orders) and properties not in ([], [orders[0].name]),
    }
    return [reason for reason, holds in reasons.items() if holds]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (A, [(A,)]),
        (Or((A, B)), [(A,), (B,)]),
        (And((A, Or((B, test("c", "=", 3))))), [(A, B), (A, test("c", "=", 3))]),
        (test("a", "!=", 1), [(test("a", "<", 1),), (test("a", ">", 1),)]),
        (test("a", "NOT IN", (5, 1)), [(test("a", "<", 1),), (test("a", ">", 1), test("a", "<", 5)), (test("a", ">", 5),)]),
        (test("a", "NOT IN", (2, 1, 2)), [(test("a", "<", 1),), (test("a", ">", 2),)]),
        (test("a", "IN", (1, 2)), [(test("a", "IN", (1, 2)),)]),
        (Or((A, A)), [(A,)]),
    ],
)
def test_the_normal_form(condition: Filter, found: list[Any]) -> None:
    assert conjuncts(condition, BUDGET) == found
