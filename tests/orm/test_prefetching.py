"""Related rows that are read by queries of their own, and columns that are compared several at once, without SQL."""

from __future__ import annotations

from django.db import models
from django.test.utils import isolate_apps
from records.models import Author, Record

from kindstore.testing import assertNumRPCs


def test_the_authors_of_records_are_prefetched_by_one_lookup() -> None:
    authors = Author.objects.bulk_create([Author(name="a"), Author(name="b"), Author(name="unused")])
    Record.objects.bulk_create([*(Record(name=f"r{i}", author=authors[i % 2]) for i in range(4)), Record(name="r4")])
    with assertNumRPCs(2):
        records = list(Record.objects.prefetch_related("author").order_by("name"))
    with assertNumRPCs(0):
        assert [record.author and record.author.name for record in records] == ["a", "b", "a", "b", None]


def test_the_records_of_authors_are_prefetched_without_sql() -> None:
    authors = Author.objects.bulk_create([Author(name="a"), Author(name="b")])
    Record.objects.bulk_create(Record(name=f"r{i}", author=authors[i // 3]) for i in range(4))
    found = list(Author.objects.prefetch_related("record_set").order_by("name"))
    with assertNumRPCs(0):
        assert [sorted(record.name for record in author.record_set.all()) for author in found] == [["r0", "r1", "r2"], ["r3"]]


@isolate_apps("records")
def test_rows_are_found_by_composite_primary_keys() -> None:
    class Seat(models.Model):
        pk = models.CompositePrimaryKey("row", "number")
        row = models.CharField(max_length=1)
        number = models.IntegerField()

        class Meta:
            app_label = "records"

    Seat.objects.bulk_create(Seat(row=row, number=number) for row in "ab" for number in (1, 2))
    with assertNumRPCs(1):
        assert Seat.objects.get(pk=("a", 2)).pk == ("a", 2)
    assert sorted(seat.pk for seat in Seat.objects.filter(pk__in=[("a", 1), ("b", 2), ("c", 3)])) == [("a", 1), ("b", 2)]
    assert sorted(Seat.objects.exclude(pk__in=[("a", 1), ("b", 2)]).values_list("number", flat=True)) == [1, 2]
    assert not Seat.objects.filter(pk__in=[("a", None)]).exists()
