"""Counts, sums, averages and extremes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Avg, Count, F, Max, Min, Q, StdDev, Sum
from django.db.utils import DataError, NotSupportedError
from records.models import Nullable, Record

from kindstore.testing import capture_rpcs


@pytest.fixture
def rows() -> None:
    Record.objects.bulk_create(Record(pk=n, n=n, m=n if n % 2 else None, name=f"row {n % 3}") for n in range(1, 7))


def aggregates() -> bool:
    return bool(connection.session.capabilities.aggregations)


COUNTS: list[tuple[Any, int]] = [
    (lambda rows: rows.all(), 6),
    (lambda rows: rows.filter(n__gt=2), 4),
    (lambda rows: rows.filter(n__gt=2, m=None), 2),
    (lambda rows: rows.exclude(m=1), 5),
    (lambda rows: rows.exclude(pk__in=[1, 2, 99]), 4),
    (lambda rows: rows.filter(pk__in=[1, 2, 99]), 2),
    (lambda rows: rows.filter(n__in=[1, 2, 99]), 2),
    (lambda rows: rows.order_by("-n")[:2], 2),
    (lambda rows: rows.order_by("-n")[4:9], 2),
    (lambda rows: rows.filter(n__gt=1)[1:3], 2),
    (lambda rows: rows.values("name").distinct(), 3),
    (lambda rows: rows.values("name").distinct()[:2], 2),
    (lambda rows: rows.distinct(), 6),
    (lambda rows: rows.none(), 0),
]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("queryset", "count"), COUNTS)
def test_count_is_the_number_of_rows(queryset: Any, count: int) -> None:
    assert queryset(Record.objects).count() == len(list(queryset(Record.objects))) == count


@pytest.mark.usefixtures("rows")
def test_a_count_counts_rows_where_a_column_is_not_null() -> None:
    assert Record.objects.aggregate(all=Count("*"), rows=Count("pk"), m=Count("m")) == {"all": 6, "rows": 6, "m": 3}


@pytest.mark.usefixtures("rows")
def test_extremes_are_the_ends_of_an_order() -> None:
    with capture_rpcs() as rpcs:
        assert Record.objects.aggregate(Min("n"), Max("m"), Min("m")) == {"n__min": 1, "m__max": 5, "m__min": 1}
    assert rpcs.methods == ["RunQuery"] * 3
    assert all(rpc.request.limit == 1 for rpc in rpcs)


def test_extremes_have_the_types_of_the_model() -> None:
    row = Nullable.objects.create(
        price=Decimal("-1.5"), day=dt.date(2024, 1, 1), at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), time=dt.time(1), span=dt.timedelta(1)
    )
    Nullable.objects.create()
    row.refresh_from_db()
    for name in ("price", "day", "at", "time", "span"):
        assert Nullable.objects.aggregate(x=Max(name)) == Nullable.objects.aggregate(x=Min(name)) == {"x": getattr(row, name)}


@pytest.mark.usefixtures("rows")
def test_sums_and_averages() -> None:
    if not aggregates():
        with pytest.raises(NotSupportedError, match="'relational'"):
            Record.objects.aggregate(Sum("n"))
        return
    assert Record.objects.aggregate(Sum("n"), Avg("n"), Sum("m"), Avg("m")) == {"n__sum": 21, "n__avg": 3.5, "m__sum": 9, "m__avg": 3.0}
    assert Record.objects.filter(n__gt=4).aggregate(x=Sum("n")) == {"x": 11}
    assert type(Record.objects.aggregate(x=Sum("n"))["x"]) is int


def test_there_is_no_sum_of_no_rows() -> None:
    if aggregates():
        assert Record.objects.aggregate(Sum("n"), Avg("n")) == {"n__sum": None, "n__avg": None}
    assert Record.objects.none().aggregate(Sum("n"), Count("n")) == {"n__sum": None, "n__count": 0}
    assert Record.objects.aggregate(Max("n"), Count("pk")) == {"n__max": None, "pk__count": 0}


def test_a_sum_of_nulls_is_null() -> None:
    Record.objects.create()
    if aggregates():
        assert Record.objects.aggregate(Sum("m"), Avg("m")) == {"m__sum": None, "m__avg": None}
    assert Record.objects.aggregate(Max("m")) == {"m__max": None}


def test_a_sum_beyond_64_bits_is_an_error() -> None:
    Record.objects.bulk_create([Record(n=2**63 - 1), Record(n=2**63 - 1)])
    if aggregates():
        with pytest.raises(DataError, match=r"records\.Record\.n.*64 bits"):
            Record.objects.aggregate(Sum("n"))
    assert Record.objects.aggregate(Max("n")) == {"n__max": 2**63 - 1}


@pytest.mark.parametrize(
    "calculate",
    [
        lambda rows: rows.aggregate(StdDev("n")),
        lambda rows: rows.aggregate(Count("n", distinct=True)),
        lambda rows: rows.aggregate(x=Sum(F("n") + 1)),
        lambda rows: list(rows.annotate(Count("author"))),
        lambda rows: list(rows.values("name").annotate(Count("pk"))),
        lambda rows: list(rows.union(rows)),
        lambda rows: rows.aggregate(x=Max("n", filter=Q(flag=True))),
    ],
)
def test_what_the_store_does_not_compute_names_the_plugin(calculate: Any) -> None:
    with pytest.raises(NotSupportedError, match="'relational'"):
        calculate(Record.objects.all())


@pytest.mark.usefixtures("rows")
def test_exists() -> None:
    assert Record.objects.filter(n=1).exists()
    assert Record.objects.filter(pk=1).exists()
    assert not Record.objects.filter(n=99).exists()
    assert not Record.objects.order_by("pk")[6:].exists()
    assert Record.objects.exclude(n=1).exists()
    assert Record.objects.filter(pk=1).contains(Record(pk=1))
