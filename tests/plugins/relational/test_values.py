"""Values keep their type, their exactness and their moment on the way through SQLite."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DataError, connection, connections, models
from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import Coalesce, TruncDay
from django.test.utils import isolate_apps
from records.models import Author, Defaulted, EveryField, Nullable, Record
from relations.models import Book

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.plugins.relational.decimals import number_of, text_of
from kindstore.plugins.relational.scratch import Scratch, scratch_of


def emulated(manager: Any = EveryField.objects) -> Any:
    """Return a queryset that is not native and selects every row."""
    return manager.filter(pk=F("pk") + 0)


def test_every_field_comes_back_as_it_was() -> None:
    written = EveryField.objects.create(json={"a": [1, None, "é"]}, maybe=None)

    read = emulated().get()

    assert all(getattr(read, field.attname) == getattr(EveryField.objects.get(), field.attname) for field in EveryField._meta.fields)
    assert read == written


def test_types_are_those_of_a_native_read() -> None:
    EveryField.objects.create()

    native, read = EveryField.objects.values().get(), emulated().values().get()

    assert {name: type(value) for name, value in read.items()} == {name: type(value) for name, value in native.items()}


def test_nulls() -> None:
    Nullable.objects.create()

    assert emulated(Nullable.objects).values_list().get()[1:] == (None,) * 8


class TestDecimals:
    @pytest.fixture(autouse=True)
    def _rows(self) -> None:
        for text in ("123456789012.3456", "123456789012.3455", "-0.0001", "9", "10"):
            EveryField.objects.create(decimal=Decimal(text))

    def test_are_exact(self) -> None:
        assert set(emulated().filter(decimal__gt=100).values_list("decimal", flat=True)) == {
            Decimal("123456789012.3456"),
            Decimal("123456789012.3455"),
        }

    def test_are_compared_exactly(self) -> None:
        assert emulated().filter(decimal=Decimal("123456789012.34555")).count() == 0
        assert emulated().filter(decimal__gt=Decimal("123456789012.34555")).count() == 1

    def test_are_sorted_as_numbers(self) -> None:
        assert [int(each) for each in emulated().order_by("decimal").values_list("decimal", flat=True)[:3]] == [0, 9, 10]

    def test_are_one_value_however_written(self) -> None:
        assert emulated().filter(decimal__in=[Decimal("9.0"), Decimal("1E+1")]).count() == 2

    def test_greatest_is_exact(self) -> None:
        assert emulated().aggregate(m=Max("decimal"))["m"] == Decimal("123456789012.3456")

    def test_sum_is_exact(self) -> None:
        assert emulated().aggregate(s=Sum("decimal"))["s"] == Decimal("246913578043.6910")

    def test_sum_of_distinct_values(self) -> None:
        EveryField.objects.create(decimal=Decimal(9))

        assert emulated().filter(decimal__lt=100).aggregate(s=Sum("decimal", distinct=True))["s"] == Decimal("18.9999")

    def test_aggregates_are_sorted_as_numbers(self) -> None:
        groups = emulated().filter(decimal__lt=100).values("pk").annotate(m=Max("decimal"), s=Sum("decimal"))

        assert [int(m) for m in groups.order_by("m").values_list("m", flat=True)] == [0, 9, 10]
        assert [int(s) for s in groups.order_by("-s").values_list("s", flat=True)] == [10, 9, 0]

    def test_aggregates_are_compared_as_numbers(self) -> None:
        groups = emulated().values("pk").annotate(m=Max("decimal")).filter(m__lt=Decimal(10))

        assert groups.count() == 2


class TestDecimalsInJoins:
    """A row of an author with the price 2.50, found by way of the author's rows."""

    @pytest.fixture(autouse=True)
    def _rows(self) -> None:
        author = Author.objects.create(name="Ada")
        Record.objects.create(author=author, n=0, price=Decimal("2.50"))
        Record.objects.create(author=author, n=0, price=Decimal("10.00"))

    @pytest.mark.parametrize("text", ["2.5", "2.50", "2.500", "0.25E+1"])
    def test_are_found_however_written(self, text: str) -> None:
        rows = Record.objects.filter(author__record__n=0).filter(Q(author__name="Ada") | ~Q(day__month=1))

        assert rows.filter(author__record__price=Decimal(text)).distinct().count() == 2
        assert rows.filter(author__record__price__in=[Decimal(text)]).distinct().count() == 2

    def test_are_read_with_the_places_of_the_field(self) -> None:
        assert sorted(map(str, Author.objects.values_list("record__price", flat=True))) == ["10.00", "2.50"]
        assert str(Author.objects.aggregate(m=Max("record__price"))["m"]) == "10.00"

    @isolate_apps("relations")
    @pytest.mark.parametrize("text", ["2.5", "2.50"])
    def test_are_found_where_sqlite_would_make_an_index(self, text: str) -> None:
        class Node(models.Model):
            loan = models.DurationField(null=True)
            day = models.DateField(null=True)
            price = models.DecimalField(max_digits=8, decimal_places=2)
            label = models.TextField(default="")
            parent = models.ForeignKey("self", models.CASCADE, null=True)

            class Meta:
                app_label = "relations"

        Node.objects.create(id=13, price=Decimal("2.50"), loan=dt.timedelta(0))
        Node.objects.create(id=17, price=Decimal("2.50"), loan=dt.timedelta(0), parent_id=13)
        rows = Node.objects.filter(node__loan=dt.timedelta(0)).filter(Q(parent__parent__label="a") | ~Q(day__month=1))

        assert [row.pk for row in rows.filter(node__price=Decimal(text))] == [13]

    def test_are_grouped(self) -> None:
        Record.objects.create(author=Author.objects.get(), price=Decimal("2.5"))

        groups = Author.objects.values("record__price").annotate(n=Count("record")).order_by("record__price")

        assert list(groups.values_list("record__price", "n")) == [(Decimal("2.50"), 2), (Decimal("10.00"), 1)]

    def test_are_divided_as_decimals(self) -> None:
        half = models.ExpressionWrapper(F("record__price") / 4, models.DecimalField())

        assert sorted(Author.objects.annotate(x=half).values_list("x", flat=True)) == [Decimal("0.625"), Decimal("2.5")]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *(("2.50", "2.5"), ("-2.50", "-2.5"), ("100", "100.0"), ("1E+3", "1000.0"), ("1E-7", "0.0000001")),
        *(("-0.00", "0.0"), ("0E+5", "0.0"), ("-0", "0.0"), ("NaN", "NaN")),
    ],
)
def test_a_decimal_has_one_text(number: str, text: str) -> None:
    assert text_of(Decimal(number)) == text


@pytest.mark.parametrize(("text", "places", "number"), [("2.5", 2, "2.50"), ("2.125", 2, "2.125"), ("9.0", None, "9"), ("9.0", 0, "9")])
def test_a_text_has_one_decimal(text: str, places: int | None, number: str) -> None:
    assert str(number_of(text, places)) == number


def test_no_index_ignores_the_collation_of_decimals() -> None:
    assert scratch_of(connection, Scratch).run("PRAGMA automatic_index", ()) == [(0,)]


class TestMoments:
    def test_in_the_zone_of_the_connection(self, in_berlin: ZoneInfo) -> None:
        read = Book.objects.filter(pk=F("pk") + 0, pages=300).values_list("published", flat=True).get()

        assert read == dt.datetime(2024, 2, 29, 23, 30, 0, 1, tzinfo=dt.UTC)
        assert read.tzinfo == in_berlin

    @pytest.fixture
    def in_berlin(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoneInfo]:
        own = connections["default"]
        monkeypatch.setitem(own.settings_dict, "TIME_ZONE", "Europe/Berlin")
        forget_zone(own)
        yield ZoneInfo("Europe/Berlin")
        forget_zone(own)

    def test_hour_that_a_zone_repeats_stays_in_order(self) -> None:
        first = dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
        second = first.replace(minute=10, fold=1)
        for moment in (second, first):
            EveryField.objects.create(datetime=moment)

        assert list(emulated().order_by("datetime").values_list("datetime", flat=True)) == [
            first.astimezone(dt.UTC),
            second.astimezone(dt.UTC),
        ]

    def test_truncated_in_a_zone(self) -> None:
        day = Book.objects.annotate(x=TruncDay("published", tzinfo=ZoneInfo("Asia/Tokyo"))).get(pk=1).x

        assert day == dt.datetime(2024, 3, 1, tzinfo=ZoneInfo("Asia/Tokyo"))

    @pytest.mark.parametrize("moment", [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)])
    def test_ends_of_time(self, moment: dt.datetime) -> None:
        EveryField.objects.create(datetime=moment)

        assert emulated().get().datetime == moment

    def test_without_time_zones(self, settings: Any) -> None:
        settings.USE_TZ = False
        moment = dt.datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 - what is tested
        EveryField.objects.create(datetime=moment)

        assert emulated().filter(datetime__hour=7).get().datetime == moment


class TestRefusals:
    def test_float_that_is_no_number(self) -> None:
        EveryField.objects.create(number=float("nan"))

        with pytest.raises(DataError, match=r"records\.EveryField\.number, and one of its values is not a number"):
            emulated().get()

    def test_is_no_matter_where_the_column_is_not_read(self) -> None:
        EveryField.objects.create(number=float("nan"))

        assert emulated().values_list("integer", flat=True).get() == -7

    def test_text_that_has_no_encoding(self) -> None:
        with pytest.raises(DataError, match="no row can hold"):
            emulated().filter(char=Coalesce("char", models.Value("\ud800"))).exists()


def forget_zone(own: Any) -> None:
    """Make a connection look its time zone up again."""
    for name in ("timezone", "timezone_name"):
        vars(own).pop(name, None)


def test_infinity() -> None:
    EveryField.objects.create(number=float("inf"))

    assert emulated().filter(number__gt=10).get().number == float("inf")


def test_entity_that_others_wrote(namespace: str) -> None:
    session = connection.session
    session.store.commit(
        [Mutation(Verb.INSERT, Key((("records_defaulted", 5),), namespace), Entity(Key((("records_defaulted", 5),), namespace), {}))]
    )

    assert emulated(Defaulted.objects).values_list("pk", "name", "grade", "must").get() == (5, "", 7, None)


def test_converter_of_a_field_is_given_the_connection_of_the_user() -> None:
    seen = []

    class Noting(models.IntegerField):
        def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:  # noqa: ARG002 - Django's signature
            seen.append(connection)
            return value

    list(Book.objects.annotate(x=models.ExpressionWrapper(F("pages") + 1, Noting()))[:1])

    assert seen == [connections["default"]]
