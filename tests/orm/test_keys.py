"""Primary keys: ids, names, and what refers to them."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import FieldError
from django.core.management.color import no_style
from django.db import connection, models
from django.db.utils import IntegrityError, NotSupportedError
from django.test.utils import isolate_apps
from records.keyed import keyed
from records.models import Author, Price, PriceUse, Record, Ticket, Usage, Word

from kindstore.testing import assertNumRPCs, capture_rpcs


def test_random_ids_are_distinct_and_exact_in_javascript(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    connection.close()
    ids = [Record.objects.create().pk for _ in range(20)] + [row.pk for row in Record.objects.bulk_create(Record() for _ in range(80))]
    assert len(set(ids)) == 100
    assert all(0 < ident < 2**52 for ident in ids)


def test_sequential_ids_count_up_from_what_is_stored() -> None:
    Record.objects.create(pk=41)
    assert [Record.objects.create().pk, *(row.pk for row in Record.objects.bulk_create([Record(), Record()]))] == [42, 43, 44]


@pytest.mark.parametrize("pk", [1, 0, -1, 2**63 - 1, -(2**63) + 1])
def test_an_integer_names_an_entity(pk: int) -> None:
    Record.objects.create(pk=pk, n=1)
    assert Record.objects.get(pk=pk).pk == pk


@pytest.mark.parametrize("pk", ["a", "", "\0", " ", "a/b", "é" * 750, "__x", "x__", "😀", "x" * 1500])
def test_a_string_names_an_entity(pk: str) -> None:
    Word.objects.create(pk=pk)
    assert Word.objects.get(pk=pk).text == pk


def test_a_uuid_names_an_entity() -> None:
    ticket = Ticket.objects.create()
    assert Ticket.objects.get(pk=str(ticket.pk)).pk == ticket.pk
    assert isinstance(Ticket.objects.get().pk, uuid.UUID)


def test_a_decimal_names_an_entity_and_keys_sort_as_numbers() -> None:
    amounts = [Decimal("-10.00"), Decimal("-2.50"), Decimal("0.00"), Decimal("3.50"), Decimal("20.00")]
    Price.objects.bulk_create(Price(amount=amount) for amount in reversed(amounts))
    assert [price.pk for price in Price.objects.order_by("pk")] == amounts
    assert Price.objects.get(pk="3.5").pk == Decimal("3.50")
    assert [price.pk for price in Price.objects.filter(pk__gt=0)] == amounts[3:]


def test_an_existing_key_is_refused_and_the_row_stays() -> None:
    Record.objects.create(pk=5, name="first")
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: records\.Record\.id.*5"):
        Record.objects.create(pk=5, name="second")
    assert Record.objects.get().name == "first"


def test_force_insert_of_an_existing_key_is_refused() -> None:
    row = Record.objects.create(pk=5)
    with pytest.raises(IntegrityError):
        row.save(force_insert=True)


def test_saving_with_another_key_makes_a_second_row() -> None:
    row = Record.objects.create(pk=5, name="copied")
    row.pk = 6
    row.save()
    assert list(Record.objects.order_by("pk").values_list("pk", "name")) == [(5, "copied"), (6, "copied")]


def test_a_new_row_with_a_key_is_saved() -> None:
    Record(pk=9, n=1).save()
    assert Record.objects.get(pk=9).n == 1


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"pk": 2}, [2]),
        ({"pk": "2"}, [2]),
        ({"id__iexact": "2"}, [2]),
        ({"id__iexact": "x"}, []),
        ({"pk__in": [3, 1, 1, 99, None]}, [1, 3]),
        ({"pk__in": []}, []),
        ({"pk__in": [0, -4]}, [-4, 0]),
        ({"pk__gt": 0}, [1, 2, 3]),
        ({"pk__gte": 0}, [0, 1, 2, 3]),
        ({"pk__gt": 1}, [2, 3]),
        ({"pk__lt": 0}, [-4, -1]),
        ({"pk__lte": 0}, [-4, -1, 0]),
        ({"pk__lte": 2}, [-4, -1, 0, 1, 2]),
        ({"pk__range": (-1, 2)}, [-1, 0, 1, 2]),
        ({"pk": 0}, [0]),
        ({"pk": None}, []),
        ({"pk__isnull": True}, []),
        ({"pk__isnull": False}, [-4, -1, 0, 1, 2, 3]),
        ({"pk": 2**70}, []),
        ({"pk__lt": 2**70}, [-4, -1, 0, 1, 2, 3]),
        ({"pk__gt": 2**70}, []),
        ({"pk__gt": -(2**70)}, [-4, -1, 0, 1, 2, 3]),
        ({"pk": -(2**63)}, []),
        ({"pk__gt": -(2**63)}, [-4, -1, 0, 1, 2, 3]),
        ({"pk__in": Record.objects.filter(pk__lt=1).values("pk")}, [-4, -1, 0]),
    ],
)
def test_comparisons_of_integer_keys(condition: dict[str, Any], found: list[int]) -> None:
    Record.objects.bulk_create(Record(pk=pk) for pk in (3, -4, 0, 1, 2, -1))
    assert [row.pk for row in Record.objects.filter(**condition).order_by("pk")] == found
    assert list(Record.objects.filter(**condition).order_by("pk").values_list("pk", flat=True)) == found


def test_the_greatest_and_the_least_of_keys_around_zero() -> None:
    Record.objects.bulk_create(Record(pk=pk) for pk in (0, -4))
    assert Record.objects.aggregate(low=models.Min("pk"), high=models.Max("pk")) == {"low": -4, "high": 0}
    assert [row.pk for row in Record.objects.order_by("-pk")[:1]] == [0]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"pk": "b"}, ["b"]),
        ({"pk": ""}, [""]),
        ({"pk__gt": ""}, ["\0", "a", "b", "c"]),
        ({"pk__gte": "\0"}, ["\0", "a", "b", "c"]),
        ({"pk__lt": ""}, []),
        ({"pk__lte": ""}, [""]),
        ({"pk__gte": "b"}, ["b", "c"]),
        ({"pk__in": ["", "c", "x", "__x__"]}, ["", "c"]),
        ({"pk": "x" * 1501}, []),
    ],
)
def test_comparisons_of_string_keys(condition: dict[str, Any], found: list[str]) -> None:
    Word.objects.bulk_create(Word(pk=pk) for pk in ("c", "a", "\0", "b", ""))
    assert [row.pk for row in Word.objects.filter(**condition).order_by("pk")] == found


def test_a_row_whose_key_is_zero_or_empty_is_saved_and_referred_to() -> None:
    Author(pk=0, name="nobody").save()
    row = Record.objects.create(author_id=0)
    Author.objects.filter(pk=0).update(name="none")
    assert Record.objects.get(author=0) == row
    assert row.author.name == "none"
    with pytest.raises(IntegrityError, match=r"records\.Author\.id.*primary key 0 already"):
        Author.objects.create(pk=0)
    Usage.objects.create(word=Word.objects.create(pk=""))
    assert Word.objects.get().usage_set.get().word_id == ""
    Author.objects.get(pk=0).delete()
    assert not Record.objects.exists()


def test_a_key_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="'abc'"):
        Record.objects.get(pk="abc")


def test_contradicting_keys_find_nothing_without_an_rpc() -> None:
    with assertNumRPCs(0):
        assert list(Record.objects.filter(pk=1).filter(pk=2)) == []


def test_excluding_keys_works_with_a_slice() -> None:
    Record.objects.bulk_create(Record(pk=pk) for pk in range(1, 21))
    rows = Record.objects.exclude(pk__in=range(1, 11)).order_by("pk")[5:10]
    assert [row.pk for row in rows] == [16, 17, 18, 19, 20]


def test_a_foreign_key_holds_the_raw_key_and_costs_no_rpc() -> None:
    author = Author.objects.create(name="a")
    row = Record.objects.get(pk=Record.objects.create(author=author).pk)
    with assertNumRPCs(0):
        assert row.author_id == author.pk
    with assertNumRPCs(1):
        assert row.author.name == "a"


def test_reverse_sets_work_with_string_and_decimal_keys() -> None:
    usage = Usage.objects.create(word=Word.objects.create(pk="w"))
    use = PriceUse.objects.create(price=Price.objects.create(pk=Decimal("-1.5")))
    assert Word.objects.get().usage_set.get() == usage
    assert Price.objects.get().priceuse_set.get() == use
    assert PriceUse.objects.get(price__lt=0).price_id == Decimal("-1.50")


def test_deleting_a_row_deletes_what_refers_to_it() -> None:
    author = Author.objects.create()
    Record.objects.bulk_create([Record(author=author) for _ in range(60)] + [Record()])
    author.delete()
    assert Record.objects.count() == 1


MOMENT = dt.datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
KEYS_OF_OTHER_TYPES = [
    (models.BooleanField, [False, True]),
    (models.DateField, [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2001, 2, 3)]),
    (models.DateTimeField, [dt.datetime(1, 1, 1, tzinfo=dt.UTC), MOMENT, MOMENT.replace(microsecond=8)]),
    (models.DurationField, [dt.timedelta(-1), dt.timedelta(0), dt.timedelta(microseconds=1), dt.timedelta(3)]),
    (models.FloatField, [-1e300, -1.5, 0.0, 1e-300, 1.0, 10.0]),
    (models.TextField, ["", "a", "b"]),
    (models.TimeField, [dt.time(0), dt.time(1, 2, 3, 4), dt.time(23)]),
]


@isolate_apps("records")
@pytest.mark.parametrize(("field", "values"), KEYS_OF_OTHER_TYPES)
def test_values_of_other_types_name_entities(field: Any, values: list[Any]) -> None:
    named, referring = keyed(field)
    assert not [message for message in named.check(databases=["default"]) if message.id == "kindstore.E010"]
    named.objects.bulk_create(named(id=value) for value in reversed(values))
    assert list(named.objects.order_by("pk").values_list("pk", flat=True)) == values
    assert named.objects.get(pk=values[0]).pk == values[0]
    assert [row.pk for row in named.objects.filter(pk__gt=values[0]).order_by("-pk")] == values[:0:-1]
    named.objects.filter(pk=values[1]).update(n=1)
    refers = referring.objects.create(named_id=values[1])
    assert referring.objects.get(named=values[1]) == refers
    assert referring.objects.get().named.n == 1
    named.objects.get(pk=values[1]).delete()
    assert not referring.objects.exists()


@isolate_apps("records")
@pytest.mark.parametrize("field", [models.BinaryField, models.JSONField])
def test_a_field_that_cannot_name_an_entity_is_no_primary_key(field: Any) -> None:
    class Bad(models.Model):
        id = field(primary_key=True)

        class Meta:
            app_label = "records"

    found = Bad.check(databases=["default"])
    assert [(message.id, message.level) for message in found if message.id == "kindstore.E010"] == [("kindstore.E010", checks.ERROR)]
    with pytest.raises(NotSupportedError, match=r"records\.Bad\.id"):
        Bad.objects.exists()


def test_get_or_create_and_update_or_create() -> None:
    assert Word.objects.get_or_create(pk="w", defaults={"n": 1})[1] is True
    assert Word.objects.get_or_create(pk="w", defaults={"n": 2})[1] is False
    assert Word.objects.update_or_create(pk="w", defaults={"n": 3})[0].n == 3
    assert Word.objects.get().n == 3


@isolate_apps("records")
def test_a_composite_key_is_loaded_alone_and_never_written_as_a_value() -> None:
    class Seat(models.Model):
        pk = models.CompositePrimaryKey("row", "number")
        row = models.CharField(max_length=1)
        number = models.IntegerField()
        guest = models.CharField(max_length=9, default="")

        class Meta:
            app_label = "records"

    class Meal(models.Model):
        row = models.CharField(max_length=1)
        number = models.IntegerField()
        seat = models.ForeignObject(Seat, models.CASCADE, ["row", "number"], ["row", "number"])

        class Meta:
            app_label = "records"

    Seat.objects.create(row="a", number=1)
    (seat,) = Seat.objects.only("pk")
    assert seat.pk == ("a", 1)
    assert seat.get_deferred_fields() == {"guest"}
    with pytest.raises(FieldError, match="guest"):
        Seat.objects.update(guest=models.F("pk"))
    with pytest.raises((ValueError, FieldError), match=r"Unsaved|seat"):  # from Django 6.0 on, only its columns can be updated
        Meal.objects.update(seat=Seat())
    with pytest.raises(FieldError, match=r"seat"):
        Meal.objects.update(seat=seat)


@isolate_apps("records")
def test_a_composite_key_is_looked_up() -> None:
    class Berth(models.Model):
        pk = models.CompositePrimaryKey("row", "number")
        row = models.CharField(max_length=1)
        number = models.IntegerField()
        guest = models.CharField(max_length=9, default="")

        class Meta:
            app_label = "records"

    berth = Berth.objects.create(row="a", number=1)
    Berth.objects.create(row="a", number=2)
    with capture_rpcs() as rpcs:
        assert Berth.objects.get(pk=("a", 1)) == berth
        assert Berth.objects.filter(pk__in=[("a", 1), ("a", 2), ("b", 1)]).count() == 2
        assert not Berth.objects.filter(pk=("a", 1), guest="x").exists()
        berth.delete()
    assert rpcs.methods == ["Lookup", "Lookup", "Lookup", "Lookup", "Commit"]


@isolate_apps("records")
def test_a_flush_empties_a_kind_whose_table_name_is_quoted() -> None:
    class Quoted(models.Model):
        class Meta:
            app_label = "records"
            db_table = '"quoted rows"'

    Quoted.objects.create()
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), [Quoted._meta.db_table]))
    assert not Quoted.objects.exists()
