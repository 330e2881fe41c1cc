"""Which way of reading is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from records.models import Record

from kindstore.core.datamodel import KEY, And, Filter, Or, Order
from kindstore.core.mapping import ModelMapping
from kindstore.core.planner.logic import Truth
from kindstore.core.planner.plan import Plan, Request, keys_of, plan

from .building import BUDGET, LEGACY, RICH, by, key, test

ONE, TWO = test(KEY, "=", key(1)), test(KEY, "IN", (key(2), key(1)))
N = test("n", "=", 5)


@pytest.fixture
def request_(django_db_blocker: Any) -> Request:
    with django_db_blocker.unblock():
        return Request(ModelMapping(Record, connection), "", ("name",))


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        (ONE, [1]),
        (TWO, [2, 1]),
        (And((TWO, N)), [2, 1]),
        (And((ONE, TWO)), [1]),
        (And((ONE, test(KEY, "=", key(2)))), []),
        (Or((ONE, TWO)), [1, 2]),
        (Or((ONE, N)), None),
        (And((N, Or((ONE, test(KEY, "=", key(3)))))), [1, 3]),
        (N, None),
        (test(KEY, ">", key(1)), None),
    ],
)
def test_the_keys_that_a_filter_names(condition: Filter, keys: list[int] | None, request_: Request) -> None:
    found = keys_of(condition, request_.mapping, "")
    assert (None if found is None else [each.id_or_name for each in found]) == keys


def test_named_keys_are_looked_up_and_the_rest_is_checked(request_: Request) -> None:
    made = plan(replace(request_, filter=And((TWO, N))), RICH, BUDGET)
    assert (made.keys, made.branches, made.recheck) == ((key(2), key(1)), (), And((TWO, N)))
    assert "n" in made.hidden


def test_keys_alone_need_no_check(request_: Request) -> None:
    assert plan(replace(request_, filter=TWO), RICH, BUDGET).recheck is None


@pytest.mark.parametrize("change", [{"filter": False}, {"limit": 0}, {"filter": And((ONE, test(KEY, "=", key(2))))}])
def test_what_cannot_have_rows_is_empty(request_: Request, change: dict[str, Any]) -> None:
    assert plan(replace(request_, **change), RICH, BUDGET).is_empty


@pytest.mark.parametrize("truth", [True, N, test("n", ">", 5)])
def test_one_query_is_pushed_down_whole(request_: Request, truth: Truth) -> None:
    made = plan(replace(request_, filter=truth, orders=(Order("n"),), limit=5, offset=2), RICH, BUDGET)
    assert (len(made.branches), made.recheck, made.hidden, made.ordered) == (1, None, (), True)
    assert (made.offset, made.limit, made.orders) == (2, 5, by("n"))


def test_orders_end_with_the_key_and_repeat_nothing(request_: Request) -> None:
    def orders(*given: Order) -> tuple[Order, ...]:
        return plan(replace(request_, orders=given), RICH, BUDGET).orders

    assert orders() == ()
    assert orders(Order("n"), Order("n", descending=True)) == by("n")
    assert orders(Order(KEY, descending=True), Order("n")) == (Order(KEY, descending=True),)


def test_merged_queries_read_what_sorts_them_and_tells_them_apart(request_: Request) -> None:
    made: Plan = plan(replace(request_, filter=test("n", "IN", (1, 2)), orders=(Order("m"),)), LEGACY, BUDGET)
    assert (len(made.branches), made.ordered, set(made.hidden)) == (2, True, {"m", KEY})


def test_the_plan_changes_with_the_store(request_: Request) -> None:
    asked = replace(request_, filter=And((test("n", ">", 1), test("m", ">", 1))), orders=(Order("name"),))
    assert plan(asked, RICH, BUDGET).ordered
    legacy = plan(asked, LEGACY, BUDGET)
    assert (legacy.ordered, legacy.recheck) == (False, asked.filter)
