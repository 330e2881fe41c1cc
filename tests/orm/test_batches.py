"""Batches: bulk_create(), bulk_update(), and updates and deletes of many rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.utils import NotSupportedError
from records.models import Author, EveryField, Nullable, Record, Word

from kindstore.testing import capture_rpcs


def rows_in_a_commit() -> int:
    capabilities = connection.session.capabilities
    return min(capabilities.entity_groups or 500, capabilities.commit_mutations or 500)


def test_bulk_create_gives_every_row_a_key() -> None:
    rows = Record.objects.bulk_create(Record(n=n) for n in range(1200))
    assert len({row.pk for row in rows}) == Record.objects.count() == 1200
    assert [row.n for row in Record.objects.filter(pk__in=[rows[0].pk, rows[1199].pk]).order_by("n")] == [0, 1199]


def test_bulk_create_cuts_at_the_limit_of_a_commit() -> None:
    limit = rows_in_a_commit()
    with capture_rpcs() as rpcs:
        Record.objects.bulk_create(Record(pk=pk) for pk in range(1, limit + 2))
    assert [len(rpc.request) for rpc in rpcs] == [limit, 1]


def test_bulk_create_cuts_at_the_batch_size() -> None:
    with capture_rpcs() as rpcs:
        Record.objects.bulk_create([Record(pk=pk) for pk in range(1, 11)], batch_size=4)
    assert [len(rpc.request) for rpc in rpcs] == [4, 4, 2]


def test_bulk_create_cuts_at_the_bytes_of_a_request() -> None:
    with capture_rpcs() as rpcs:
        EveryField.objects.bulk_create(EveryField(pk=pk, text="x" * 900_000) for pk in range(1, 17))
    assert len(rpcs) >= 2
    assert EveryField.objects.count() == 16


def test_bulk_create_of_mixed_keys() -> None:
    rows = Record.objects.bulk_create([Record(pk=5), Record(), Record(pk=-3)])
    assert Record.objects.count() == 3
    assert rows[1].pk not in (None, 5, -3)


def test_bulk_create_of_nothing_sends_nothing() -> None:
    with capture_rpcs() as rpcs:
        assert Record.objects.bulk_create([]) == []
    assert rpcs == []


@pytest.mark.parametrize(
    "option", [{"ignore_conflicts": True}, {"update_conflicts": True, "update_fields": ["n"], "unique_fields": ["pk"]}]
)
def test_bulk_create_with_conflicts_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(NotSupportedError):
        Word.objects.bulk_create([Word(pk="a")], **option)


def test_bulk_update_writes_each_row_its_values() -> None:
    rows = Record.objects.bulk_create(Record(n=n, name=f"row {n}") for n in range(30))
    for row in rows:
        row.n, row.m, row.name = row.n * 10, row.n, row.name.upper()
    assert Record.objects.bulk_update(rows, ["n", "m", "name"]) == 30
    assert list(Record.objects.order_by("n").values_list("n", "m", "name")) == [(n * 10, n, f"ROW {n}") for n in range(30)]


def test_bulk_update_of_every_type() -> None:
    names = [field.name for field in EveryField._meta.concrete_fields if not field.primary_key]
    first, second = EveryField.objects.bulk_create([EveryField(), EveryField(integer=77, json=[1], text="t", maybe=False)])
    values = {name: getattr(second, name) for name in names}
    for name in names:
        setattr(first, name, values[name])
    assert EveryField.objects.bulk_update([first], names) == 1
    first.refresh_from_db()
    assert {name: getattr(first, name) for name in names} == values


def test_bulk_update_of_nulls_and_expressions() -> None:
    one, two = Nullable.objects.bulk_create([Nullable(number=1, price="1.5"), Nullable(number=2, price="2.5")])
    one.price, one.number, two.number = None, F("number") + 10, None
    assert Nullable.objects.bulk_update([one, two], ["price", "number"]) == 2
    assert [(row.number, row.price and str(row.price)) for row in Nullable.objects.order_by("pk")] == [(11, None), (None, "2.500")]


def test_bulk_update_counts_the_rows_that_are_there() -> None:
    rows = Record.objects.bulk_create([Record(), Record()])
    Record.objects.filter(pk=rows[0].pk).delete()
    rows[0].n = rows[1].n = 5
    assert Record.objects.bulk_update(rows, ["n"]) == 1
    assert Record.objects.count() == 1


def test_deleting_keys_that_are_gone_deletes_the_others() -> None:
    Record.objects.bulk_create(Record(pk=pk) for pk in range(1, 61))
    assert Record.objects.filter(pk__in=range(31, 200)).delete()[0] == 30
    assert Record.objects.count() == 30


def test_deleting_a_thousand_rows() -> None:
    Record.objects.bulk_create(Record(pk=pk) for pk in range(1, 1001))
    assert Record.objects.all().delete()[0] == 1000
    assert not Record.objects.exists()


def test_deleting_a_parent_of_a_hundred_rows() -> None:
    author = Author.objects.create(pk=1)
    Record.objects.bulk_create([Record(author=author) for _ in range(100)])
    with capture_rpcs() as rpcs:
        assert author.delete() == (101, {"records.Record": 100, "records.Author": 1})
    assert len(rpcs) <= 4 + 2 * (100 // rows_in_a_commit())


def test_updating_a_thousand_rows_touches_only_those_that_match() -> None:
    Record.objects.bulk_create(Record(pk=pk, n=pk % 2, m=7) for pk in range(1, 1001))
    assert Record.objects.filter(n=1).update(m=F("m") + 1) == 500
    assert Record.objects.filter(m=8).count() == 500


def test_rows_with_long_keys_are_cut_into_requests_that_the_store_takes() -> None:
    Word.objects.bulk_create([Word(pk=f"{n:04d}" + "x" * 1400, n=n) for n in range(500)])
    assert Word.objects.count() == 500
    Word.objects.update(n=F("n") + 1)
    assert Word.objects.filter(n=500).count() == 1
