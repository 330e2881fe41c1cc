"""Reads inside a transaction see what it has written and deleted: the same rows, in the same order, as after the commit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Avg, Count, F, Max, Min, Prefetch, Q, Sum
from django.db.utils import NotSupportedError
from records.models import Author, Record, Word

from kindstore.contrib.queries import get_cursor, set_cursor
from kindstore.testing import capture_rpcs

from .blocks import Stop, fails

Query = Callable[[], Any]
ROWS = 20


def fill() -> None:
    """Store twenty rows."""
    Author.objects.bulk_create(Author(pk=pk, name=f"author {pk}", born=1900 + pk) for pk in range(1, 4))
    Record.objects.bulk_create(
        Record(pk=pk, n=pk % 5, m=None if pk % 3 == 0 else pk, name=f"row {pk:02}", flag=pk % 2 == 0, author_id=pk % 3 + 1)
        for pk in range(1, ROWS + 1)
    )


def change() -> None:
    """Insert, update and delete rows, so that they enter, leave and move in the results of the queries."""
    Record.objects.create(pk=100, n=2, m=5, name="row 02b", author_id=1)
    Record.objects.create(pk=101, n=0, m=None, name="new", author_id=2)
    Record.objects.filter(pk=4).update(n=2)
    Record.objects.filter(pk=7).update(n=4, name="zzz")
    Record.objects.filter(pk=12).update(m=F("n") + 1000)
    Record.objects.filter(pk__in=[2, 3, 17]).delete()
    Record.objects.filter(name__gte="row 18").update(flag=True)
    row = Record.objects.get(pk=9)
    row.name, row.m = "row 00", 3
    row.save()
    Record.objects.filter(pk=101).update(name="newer")
    Author.objects.create(pk=4, name="author 4")
    Author.objects.filter(pk=3).delete()


def pks(queryset: Any) -> list[Any]:
    return list(queryset.values_list("pk", flat=True))


def everything() -> Any:
    return Record.objects.order_by("pk")


NATIVE: dict[str, Query] = {
    "all": lambda: pks(everything()),
    "get": lambda: [(row.pk, row.name, row.m) for pk in (1, 4, 7, 9, 12, 100, 101) for row in Record.objects.filter(pk=pk)],
    "a deleted row": lambda: Record.objects.filter(pk=2).first(),
    "in_bulk": lambda: {pk: row.name for pk, row in Record.objects.in_bulk([1, 2, 3, 4, 100, 999]).items()},
    "pk__in": lambda: pks(everything().filter(pk__in=[1, 2, 3, 4, 100, 999])),
    "equal": lambda: pks(everything().filter(n=2)),
    "range": lambda: pks(Record.objects.filter(name__gte="row 02", name__lt="row 10").order_by("name")),
    "in": lambda: pks(everything().filter(n__in=[2, 4])),
    "null": lambda: pks(everything().filter(m=None)),
    "not null": lambda: pks(everything().filter(m__isnull=False)),
    "exclude": lambda: pks(everything().exclude(n=2)),
    "exclude null": lambda: pks(everything().exclude(m=None)),
    "or": lambda: pks(everything().filter(Q(n=2) | Q(name="zzz"))),
    "two conditions": lambda: pks(everything().filter(n=2, flag=True)),
    "order_by": lambda: pks(Record.objects.order_by("name")),
    "descending": lambda: pks(Record.objects.order_by("-name")),
    "two orders": lambda: pks(Record.objects.order_by("-n", "name")),
    "nulls": lambda: pks(Record.objects.order_by("m", "pk")),
    "reverse": lambda: pks(Record.objects.order_by("name").reverse()),
    "first": lambda: Record.objects.order_by("name").first().pk,
    "last": lambda: Record.objects.order_by("name").last().pk,
    "earliest": lambda: Record.objects.earliest("name").pk,
    "limit": lambda: pks(Record.objects.order_by("name")[:3]),
    "offset": lambda: pks(Record.objects.order_by("name")[2:8]),
    "offset alone": lambda: pks(Record.objects.order_by("name")[15:]),
    "index": lambda: Record.objects.order_by("-name")[0].pk,
    "beyond the end": lambda: pks(Record.objects.order_by("name")[30:40]),
    "filter and limit": lambda: pks(Record.objects.filter(n=2).order_by("-pk")[:2]),
    "exists": lambda: [Record.objects.filter(name=name).exists() for name in ("newer", "new", "row 02", "row 01")],
    "count": lambda: [Record.objects.count(), Record.objects.filter(n=2).count(), Record.objects.exclude(n=2).count()],
    "count of a slice": lambda: [Record.objects.order_by("name")[3:8].count(), Record.objects.order_by("name")[15:].count()],
    "values": lambda: list(everything().values("pk", "n", "name")),
    "values_list": lambda: list(everything().filter(flag=True).values_list("name", "m")),
    "only": lambda: [row.name for row in everything().only("name")],
    "iterator": lambda: [row.pk for row in everything().iterator(chunk_size=4)],
    "iterator by name": lambda: [row.name for row in Record.objects.order_by("name").iterator(chunk_size=3)],
    "foreign key": lambda: pks(everything().filter(author_id=1)),
    "related rows": lambda: pks(Author.objects.get(pk=1).record_set.order_by("pk")),
    "a row's relation": lambda: [row.author.name for row in everything().filter(pk__in=[1, 7, 100, 101]) if row.author_id != 3],
    "prefetch_related": lambda: [(row.pk, row.author and row.author.name) for row in everything().prefetch_related("author")],
    "prefetch_related backwards": lambda: [
        (author.pk, sorted(row.pk for row in author.record_set.all()))
        for author in Author.objects.order_by("pk").prefetch_related("record_set")
    ],
    "prefetch_related of some": lambda: [
        sorted(row.pk for row in author.record_set.all())
        for author in Author.objects.order_by("pk").prefetch_related(Prefetch("record_set", Record.objects.filter(n=2)))
    ],
    "contains": lambda: everything().contains(Record(pk=100)),
    "annotate": lambda: list(everything().filter(n=2).values_list("pk", "author_id")),
}
RELATIONAL: dict[str, Query] = {
    "sum, average, extremes": lambda: Record.objects.aggregate(Sum("n"), Avg("m"), Min("name"), Max("m"), Count("m")),
    "sum of a filter": lambda: Record.objects.filter(n=2).aggregate(Sum("m"), Avg("n")),
    "distinct": lambda: sorted(Record.objects.values_list("n", flat=True).distinct()),
    "distinct pairs": lambda: sorted(Record.objects.values_list("n", "flag").distinct()),
    "distinct count": lambda: Record.objects.aggregate(count=Count("n", distinct=True)),
    "join": lambda: pks(everything().filter(author__name="author 2")),
    "join to what is new": lambda: pks(everything().filter(author__born=None)),
    "select_related": lambda: [(row.pk, row.author.name) for row in everything().filter(author__isnull=False).select_related("author")],
    "group by": lambda: list(Record.objects.values("n").annotate(count=Count("pk"), total=Sum("m")).order_by("n")),
    "group by a relation": lambda: list(Author.objects.annotate(count=Count("record")).order_by("pk").values_list("pk", "count")),
    "having": lambda: list(Record.objects.values("n").annotate(count=Count("pk")).filter(count__gt=3).order_by("n")),
    "contains a text": lambda: pks(everything().filter(name__icontains="W 0")),
    "subquery": lambda: pks(everything().filter(author__in=Author.objects.filter(name__gt="author 1"))),
    "union": lambda: sorted(pks(Record.objects.filter(n=2).union(Record.objects.filter(name="zzz")))),
    "compared columns": lambda: pks(everything().filter(m=F("pk"))),
    "count of a join": lambda: Record.objects.filter(author__name="author 1").count(),
}


def compared(query: Query) -> None:
    """Compare what a query gives inside a transaction that has written with what it gives after the commit, and after a rollback."""
    fill()
    before = query()
    with suppress(Stop), transaction.atomic():
        change()
        inside = query()
        raise Stop
    assert query() == before
    with transaction.atomic():
        change()
        assert query() == inside
    assert query() == inside


@pytest.mark.parametrize("name", NATIVE)
def test_a_query_inside_gives_what_it_gives_after_the_commit(name: str) -> None:
    compared(NATIVE[name])


class TestWithTheRelationalPlugin:
    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["transactions", "constraints", "relational"]

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"ids": "sequential", "relational": {"policy": "allow"}}

    @pytest.mark.parametrize("name", [*RELATIONAL, "order_by", "exclude", "iterator", "prefetch_related"])
    def test_a_query_inside_gives_what_it_gives_after_the_commit(self, name: str) -> None:
        compared({**NATIVE, **RELATIONAL}[name])


@pytest.mark.parametrize("name", ["all", "order_by", "limit", "count", "exclude", "offset"])
def test_a_nested_block_that_was_undone_is_not_seen(name: str) -> None:
    fill()
    before = NATIVE[name]()
    with transaction.atomic():
        with suppress(Stop), transaction.atomic():
            change()
            raise Stop
        assert NATIVE[name]() == before


def test_every_row_of_the_store_may_be_deleted_before_a_slice() -> None:
    fill()
    with transaction.atomic():
        Record.objects.filter(pk__lte=10).delete()
        assert pks(everything()[:3]) == [11, 12, 13]
        Record.objects.all().delete()
        assert pks(everything()[:3]) == []
        assert not Record.objects.exists()
        assert Record.objects.count() == 0


def test_a_row_is_read_as_written_however_often_it_was() -> None:
    with transaction.atomic():
        row = Record.objects.create(pk=1, n=1, name="a")
        Record.objects.filter(pk=1).update(n=2)
        row.refresh_from_db()
        assert (row.n, row.name) == (2, "a")
        Record.objects.filter(pk=1).update(n=F("n") + 1)
        row.name = "b"
        row.save(update_fields=["name"])
        row.refresh_from_db()
        assert (row.n, row.name) == (3, "b")
    row.refresh_from_db()
    assert (row.n, row.name) == (3, "b")


@pytest.mark.usefixtures("five")
def test_an_increment_is_seen_and_then_incremented_again() -> None:
    with transaction.atomic():
        Record.objects.filter(pk=3).update(n=F("n") + 1)
        assert Record.objects.get(pk=3).n == 4
        Record.objects.filter(n=4).update(n=F("n") + 10)
        assert Record.objects.get(pk=3).n == 14
    assert sorted(Record.objects.values_list("n", flat=True)) == [1, 2, 5, 14, 14]


@pytest.mark.usefixtures("five")
def test_a_row_that_was_deleted_and_created_again_is_there() -> None:
    with transaction.atomic():
        Record.objects.filter(pk=3).delete()
        assert not Record.objects.filter(pk=3).exists()
        Record.objects.create(pk=3, n=33)
        assert Record.objects.get(n=33).pk == 3
        assert Record.objects.count() == 5
    assert Record.objects.get(pk=3).name == ""


def test_a_row_that_was_created_and_deleted_leaves_nothing() -> None:
    with capture_rpcs() as rpcs, transaction.atomic():
        Record.objects.bulk_create([Record(pk=1)])
        Record.objects.filter(pk=1).delete()
        assert not Record.objects.exists()
    assert "Commit" not in rpcs.methods


@pytest.mark.usefixtures("five")
def test_a_row_that_is_read_twice_is_looked_up_once() -> None:
    with transaction.atomic(), capture_rpcs() as rpcs:
        Record.objects.get(pk=1)
        Record.objects.get(pk=1)
        list(Record.objects.filter(pk__in=[1, 2]))
    assert rpcs.methods == ["Lookup", "Lookup"]
    assert len(rpcs[1].request) == 1


def test_the_string_keys_of_new_rows_are_ordered_among_the_stored_ones() -> None:
    Word.objects.bulk_create([Word(pk="b"), Word(pk="d")])
    with transaction.atomic():
        Word.objects.bulk_create([Word(pk="a"), Word(pk="c"), Word(pk="e")])
        assert pks(Word.objects.order_by("pk")) == list("abcde")
        assert pks(Word.objects.order_by("-pk")[1:3]) == ["d", "c"]
        assert pks(Word.objects.filter(pk__gt="b", pk__lt="e").order_by("pk")) == ["c", "d"]


def test_a_cursor_works_where_nothing_was_written_and_else_says_why_not() -> None:
    fill()
    with transaction.atomic():
        cursor = get_cursor(everything()[:5])
        assert pks(set_cursor(everything(), start=cursor)[:2]) == [6, 7]
    with fails(NotSupportedError, "cursor"), transaction.atomic():
        Record.objects.filter(pk=1).update(n=0)
        pks(set_cursor(everything(), start=cursor)[:2])


def test_other_kinds_cost_nothing_more() -> None:
    fill()
    with transaction.atomic():
        Record.objects.filter(pk=1).update(n=7)
        with capture_rpcs() as rpcs:
            assert Author.objects.count() == 3
            assert len(Author.objects.all()) == 3
    expected = ["RunAggregationQuery" if connection.session.capabilities.aggregations else "RunQuery", "RunQuery"]
    assert rpcs.methods == expected
