"""Running plans on a store without OR, IN or several inequalities: merges, checks and sorts in memory, and streaming."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from records.models import Record

from kindstore.core.driver import Capabilities
from kindstore.testing import capture_rpcs

LEGACY: dict[str, Any] = {
    "disjunctions": 1,
    "not_equal": False,
    "not_in_values": 0,
    "inequality_properties": 1,
    "inequality_orders_first": True,
    "aggregations": frozenset(),
    "property_masks": False,
    "property_transforms": False,
    "keys_only_versions": False,
}


@pytest.fixture(autouse=True)
def poor(own_store: Any) -> Iterator[Capabilities]:
    """Let the chosen store be planned for as the poorest one, with rows in it."""
    with own_store("executor"):
        session = connection.session
        Record.objects.bulk_create(Record(pk=pk, n=pk % 4, m=pk % 3 or None, name=f"{pk:02}") for pk in range(1, 25))
        session.capabilities = replace(session.capabilities, **LEGACY)
        yield session.capabilities


def keys(rows: Any) -> list[int]:
    return [row.pk for row in rows]


def test_branches_are_merged_by_the_order_and_streamed() -> None:
    with capture_rpcs() as rpcs:
        rows = Record.objects.filter(n__in=[0, 1, 2]).order_by("-name").iterator(chunk_size=2)
        assert [next(rows).pk for _ in range(3)] == [24, 22, 21]
    assert max(rpc.rows for rpc in rpcs) <= 2


def test_a_slice_asks_each_branch_for_no_more_than_it_may_need() -> None:
    with capture_rpcs() as rpcs:
        assert keys(Record.objects.filter(n__in=[0, 1]).order_by("name")[2:4]) == [5, 8]
    assert [rpc.request.limit for rpc in rpcs] == [4, 4]


def test_branches_without_an_order_give_each_row_once() -> None:
    rows = Record.objects.exclude(n=1).exclude(m=1)
    assert sorted(keys(rows)) == [pk for pk in range(1, 25) if pk % 4 != 1 and pk % 3 != 1]


def test_a_second_inequality_is_checked_here() -> None:
    rows = Record.objects.filter(n__gt=1, m__lt=2, name__gte="05").order_by("pk")
    assert keys(rows) == [pk for pk in range(5, 25) if pk % 4 > 1 and pk % 3 == 1]
    assert keys(rows[1:3]) == keys(rows)[1:3]


def test_an_order_that_the_store_cannot_give_is_sorted_here() -> None:
    rows = Record.objects.filter(n__gt=2).order_by("-name")
    assert keys(rows) == [23, 19, 15, 11, 7, 3]
    assert keys(rows[:2]) == [23, 19]


def test_counting_reads_keys() -> None:
    assert Record.objects.filter(n__in=[0, 1]).count() == 12
    assert Record.objects.exclude(n=1)[5:10].count() == 5


def test_distinct_rows_over_branches() -> None:
    assert list(Record.objects.filter(n__in=[1, 2]).values_list("m", flat=True).distinct().order_by("m")) == [None, 1, 2]


def test_an_update_writes_the_whole_entity_and_only_what_matches() -> None:
    assert Record.objects.filter(n__in=[1, 2], m__gt=1).update(m=50) == 4
    assert Record.objects.filter(m=50).count() == 4
    assert Record.objects.filter(m=50, name="02").get().n == 2


def test_an_update_of_one_row_reads_it_first() -> None:
    with capture_rpcs() as rpcs:
        assert Record.objects.filter(pk=3).update(n=9) == 1
    assert rpcs.methods == ["Lookup", "Commit"]
    assert Record.objects.get(pk=3).name == "03"


def test_a_delete_over_branches() -> None:
    assert Record.objects.filter(n__in=[0, 1, 2]).delete()[0] == 18
    assert sorted(keys(Record.objects.all())) == [3, 7, 11, 15, 19, 23]
