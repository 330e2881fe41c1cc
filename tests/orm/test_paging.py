"""Slices."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.paginator import Paginator
from django.db.models import Q
from records.models import Record

from kindstore.testing import assertNumRPCs

SLICES = [slice(None, 3), slice(2, 5), slice(5, None), slice(8, 20), slice(20, 30), slice(0, 0), slice(None), slice(1, 9, 3)]
QUERYSETS: list[Any] = [
    lambda: Record.objects.order_by("pk"),
    lambda: Record.objects.order_by("-n", "pk"),
    lambda: Record.objects.filter(n__gt=1).order_by("n", "pk"),
    lambda: Record.objects.filter(pk__in=range(2, 99)).order_by("pk"),
    lambda: Record.objects.filter(n__in=[1, 2, 3]).order_by("n", "-pk"),
    lambda: Record.objects.exclude(pk__in=[2, 4]).order_by("pk"),
    lambda: Record.objects.exclude(n=2).order_by("-pk"),
    lambda: Record.objects.filter(n__gt=1, m__lt=3).order_by("pk"),
]


@pytest.fixture(autouse=True)
def rows(namespace: str) -> None:
    Record.objects.bulk_create(Record(pk=pk, n=pk % 4, m=pk % 5) for pk in range(1, 12))


@pytest.mark.parametrize("window", SLICES, ids=str)
@pytest.mark.parametrize("queryset", QUERYSETS)
def test_a_slice_is_what_python_would_cut(queryset: Any, window: slice) -> None:
    assert list(queryset()[window]) == list(queryset())[window]


@pytest.mark.parametrize("window", [each for each in SLICES if each.step is None], ids=str)
@pytest.mark.parametrize("queryset", QUERYSETS)
def test_counting_a_slice_counts_its_rows(queryset: Any, window: slice) -> None:
    assert queryset()[window].count() == len(list(queryset())[window])


def test_a_slice_of_a_slice() -> None:
    assert [row.pk for row in Record.objects.order_by("pk")[2:9][1:3]] == [4, 5]


def test_an_item_takes_one_rpc() -> None:
    with assertNumRPCs(1):
        assert Record.objects.order_by("-pk")[1].pk == 10


def test_pages_hold_every_row_once() -> None:
    pages = Paginator(Record.objects.order_by("pk"), 4)
    assert [[row.pk for row in page] for page in pages] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]


@pytest.mark.parametrize("window", [slice(3_000_000_000, None), slice(2**62, 2**64), slice(0, 2**64)])
@pytest.mark.parametrize("condition", [Q(), Q(n=1) | Q(m=2)])
def test_a_window_beyond_every_row(window: slice, condition: Q) -> None:
    records = Record.objects.filter(condition).order_by("pk")
    expected = list(records)[window]
    assert list(records.all()[window]) == expected
    assert records.all()[window].count() == len(expected)


@pytest.mark.parametrize("order", ["pk", "-pk", "n", "name"])
def test_pages_of_an_inequality_that_is_not_sorted_by_follow_each_other(order: str) -> None:
    Record.objects.bulk_create(Record(id=1000 + ident, name=f"zz {9 - ident}", n=ident % 3) for ident in range(1, 9))
    rows = Record.objects.filter(name__gt="zz 2", n__lt=2).order_by(order)
    assert list(rows.iterator(chunk_size=2)) == list(rows)
    assert len(list(rows)) == 4
