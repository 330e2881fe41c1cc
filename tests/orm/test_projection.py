"""Which values a query gives: values(), only(), defer(), distinct(), dates(), and the like."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection, models
from django.db.models import F, Value
from django.db.models.functions import TruncYear
from django.db.utils import NotSupportedError
from records.models import Author, EveryField, Nullable, Record

from kindstore.core.warnings import EmulatedQueryWarning
from kindstore.testing import assertNumRPCs, capture_rpcs


@pytest.fixture(autouse=True)
def rows(namespace: str) -> None:
    Author.objects.create(pk=1, name="Ann")
    Record.objects.bulk_create(
        Record(pk=pk, n=n, m=m, name=name, author_id=1) for pk, n, m, name in [(1, 2, None, "b"), (2, 1, 5, "a"), (3, 2, 5, "c")]
    )


@pytest.mark.parametrize(
    ("select", "found"),
    [
        (lambda rows: rows.values("pk", "n"), [{"pk": 1, "n": 2}, {"pk": 2, "n": 1}, {"pk": 3, "n": 2}]),
        (lambda rows: rows.values_list("n", "pk", "n"), [(2, 1, 2), (1, 2, 1), (2, 3, 2)]),
        (lambda rows: rows.values_list("m", flat=True), [None, 5, 5]),
        (lambda rows: rows.values("author"), [{"author": 1}] * 3),
        (lambda rows: rows.values("author_id", "author__id"), [{"author_id": 1, "author__id": 1}] * 3),
        (lambda rows: rows.values(x=F("n")), [{"x": 2}, {"x": 1}, {"x": 2}]),
        (lambda rows: rows.values("n", x=F("m")), [{"n": 2, "x": None}, {"n": 1, "x": 5}, {"n": 2, "x": 5}]),
        (lambda rows: rows.values_list(Value(7), "n"), [(7, 2), (7, 1), (7, 2)]),
        (lambda rows: rows.annotate(x=F("n")).values_list("x", "m"), [(2, None), (1, 5), (2, 5)]),
        (lambda rows: rows.annotate(one=Value("1")).values_list("one", "pk"), [("1", 1), ("1", 2), ("1", 3)]),
        (lambda rows: [row.x for row in rows.annotate(x=F("n"))], [2, 1, 2]),
        (lambda rows: [(row.n, row.one) for row in rows.annotate(one=Value(1))], [(2, 1), (1, 1), (2, 1)]),
        (lambda rows: [(row.n, row.one) for row in rows.only("n").annotate(one=Value(1))], [(2, 1), (1, 1), (2, 1)]),
        (lambda rows: [tuple(row) for row in rows.values_list("n", "m", named=True)], [(2, None), (1, 5), (2, 5)]),
        (lambda rows: rows.alias(x=F("n")).filter(x=2).values_list("pk", flat=True), [1, 3]),
    ],
)
def test_values_are_those_that_were_named(select: Any, found: list[Any]) -> None:
    with capture_rpcs() as rpcs:
        assert list(select(Record.objects.order_by("pk"))) == found
    assert rpcs.methods == ["RunQuery"]


class Shout(models.CharField):
    """Reads in upper case."""

    def from_db_value(self, value: str | None, *_: Any) -> str:
        return "NOTHING" if value is None else value.upper()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (Value("2024-02-29", models.DateField()), dt.date(2024, 2, 29)),
        (Value(dt.datetime(2024, 2, 29, tzinfo=dt.UTC)), dt.datetime(2024, 2, 29, tzinfo=dt.UTC)),
        (Value(1, models.CharField()), "1"),
        (Value(1, models.DecimalField()), Decimal(1)),
        (Value("00000000000000000000000000000005", models.UUIDField()), uuid.UUID(int=5)),
        (Value(uuid.UUID(int=5)), uuid.UUID(int=5)),
        (Value(dt.timedelta(1)), dt.timedelta(1)),
        (Value(b"a"), b"a"),
        (Value({"a": [1]}, models.JSONField()), {"a": [1]}),
        (Value("a", Shout()), "A"),
        (Value(None, Shout()), "NOTHING"),
        (Value(None, models.IntegerField()), None),
    ],
)
def test_a_value_is_read_in_the_type_of_its_field(value: Value, found: Any) -> None:
    read = Record.objects.annotate(x=value).values_list("x", flat=True)[0]
    assert (type(read), read) == (type(found), found)


def test_a_value_without_a_type_is_refused_as_everywhere() -> None:
    with pytest.raises(FieldError):
        Record.objects.annotate(x=Value(None)).first()


def test_values_without_names_are_all_columns() -> None:
    row = Record.objects.values().get(pk=2)
    assert {name: row[name] for name in ("id", "n", "m", "name", "author_id", "flag")} == {
        "id": 2, "n": 1, "m": 5, "name": "a", "author_id": 1, "flag": False,
    }  # fmt: skip
    assert Record.objects.order_by("pk").values_list()[0][:4] == (1, "b", 2, None)


@pytest.mark.parametrize("narrow", [lambda rows: rows.only("n"), lambda rows: rows.defer("name", "m")])
def test_deferred_columns_are_loaded_when_they_are_needed(narrow: Any) -> None:
    with assertNumRPCs(1):
        row = narrow(Record.objects).get(pk=2)
        assert (row.pk, row.n) == (2, 1)
    assert "name" in row.get_deferred_fields()
    with assertNumRPCs(1):
        assert row.name == "a"


def test_saving_a_row_with_deferred_columns_leaves_them() -> None:
    row = Record.objects.only("n").get(pk=2)
    row.n = 100
    row.save()
    assert Record.objects.values_list("n", "name").get(pk=2) == (100, "a")


def test_only_keys_are_asked_for_where_only_keys_are_needed() -> None:
    with capture_rpcs() as rpcs:
        assert list(Record.objects.filter(n=2).order_by("pk").values_list("pk", flat=True)) == [1, 3]
    assert len(rpcs) == 1


@pytest.mark.parametrize(
    ("select", "found"),
    [
        (lambda rows: rows.values_list("n", flat=True).distinct().order_by("n"), [1, 2]),
        (lambda rows: rows.values_list("n", flat=True).distinct().order_by("-n"), [2, 1]),
        (lambda rows: rows.values_list("m", "n").distinct().order_by("m", "-n"), [(None, 2), (5, 2), (5, 1)]),
        (lambda rows: sorted(rows.values_list("n", flat=True).distinct()), [1, 2]),
        (lambda rows: rows.values_list("n", flat=True).distinct().order_by("n")[1:], [2]),
        (lambda rows: rows.filter(m=5).values_list("n", flat=True).distinct().order_by("n"), [1, 2]),
        (lambda rows: rows.filter(n=2).values_list("n", flat=True).distinct(), [2]),
        (lambda rows: rows.filter(n__gt=1).values_list("n", flat=True).distinct(), [2]),
        (lambda rows: rows.filter(pk__in=[1, 3]).values_list("n", flat=True).distinct(), [2]),
        (lambda rows: rows.filter(name__in=["a", "b", "c"]).values_list("n", flat=True).distinct().order_by("n"), [1, 2]),
        (lambda rows: rows.distinct().order_by("-pk").values_list("pk", flat=True), [3, 2, 1]),
        (lambda rows: [rows.values("n").distinct().count(), rows.values("n").order_by().distinct()[:1].count()], [2, 1]),
    ],
)
def test_distinct_rows_are_given_once(select: Any, found: list[Any]) -> None:
    assert list(select(Record.objects)) == found


def test_distinct_values_have_the_types_of_the_model() -> None:
    at = dt.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    Nullable.objects.bulk_create([Nullable(at=at, day=at.date(), price="1.5", text="t") for _ in range(2)])
    for name in ("at", "day", "price", "text"):
        (value,) = Nullable.objects.values_list(name, flat=True).distinct()
        assert value == getattr(Nullable.objects.first(), name)
        assert type(value) is type(getattr(Nullable.objects.first(), name))


def test_distinct_rows_ordered_by_something_else_name_the_plugin() -> None:
    with pytest.raises(NotSupportedError, match="'relational'"):
        list(Record.objects.values("n").distinct().order_by("m"))


MOMENTS = [
    dt.datetime(2023, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 31, 5, 30, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 31, 5, 45, 10, tzinfo=dt.UTC),
    dt.datetime(2024, 2, 1, tzinfo=dt.UTC),
]


@pytest.fixture
def moments() -> None:
    Nullable.objects.bulk_create([Nullable(at=at, day=at.date()) for at in MOMENTS] + [Nullable()])


@pytest.mark.usefixtures("moments")
@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("year", [(2023, 1, 1), (2024, 1, 1)]),
        ("month", [(2023, 12, 1), (2024, 1, 1), (2024, 2, 1)]),
        ("week", [(2023, 12, 25), (2024, 1, 29)]),
        ("day", [(2023, 12, 31), (2024, 1, 31), (2024, 2, 1)]),
    ],
)
def test_dates_are_cut_sorted_and_given_once(kind: str, found: list[tuple[int, int, int]]) -> None:
    expected = [dt.date(*day) for day in found]
    assert list(Nullable.objects.dates("day", kind)) == expected
    assert list(Nullable.objects.dates("day", kind, order="DESC")) == expected[::-1]
    assert list(Nullable.objects.dates("day", kind)[1:]) == expected[1:]
    assert Nullable.objects.filter(day__gte=dt.date(2024, 1, 1)).dates("day", "year").get() == dt.date(2024, 1, 1)


@pytest.mark.usefixtures("moments")
@pytest.mark.parametrize(("kind", "count"), [("year", 2), ("month", 3), ("day", 3), ("hour", 3), ("minute", 4), ("second", 4)])
def test_datetimes_are_cut_in_a_time_zone(kind: str, count: int) -> None:
    found = list(Nullable.objects.datetimes("at", kind, tzinfo=dt.UTC))
    assert len(found) == count
    assert found == sorted(found)
    assert all(at.tzinfo is dt.UTC for at in found)


def test_in_bulk_takes_one_lookup() -> None:
    with capture_rpcs() as rpcs:
        assert sorted(Record.objects.in_bulk([1, 3, 99])) == [1, 3]
    assert rpcs.methods == ["Lookup"]
    assert sorted(Record.objects.in_bulk()) == [1, 2, 3]


def test_get_tells_none_and_several_apart() -> None:
    with pytest.raises(Record.DoesNotExist):
        Record.objects.get(n=99)
    with pytest.raises(Record.MultipleObjectsReturned):
        Record.objects.get(n=2)


def test_exists_asks_for_one_row_at_most() -> None:
    with capture_rpcs() as rpcs:
        assert Record.objects.filter(n=2).exists()
    assert rpcs[0].request.limit == 1


@pytest.mark.parametrize("chunk_size", [1, 7, 10, 1000])
def test_iterator_pages_and_gives_every_row_once(chunk_size: int) -> None:
    EveryField.objects.bulk_create(EveryField(pk=n, text="t") for n in range(1, 21))
    assert [row.pk for row in EveryField.objects.order_by("pk").iterator(chunk_size)] == list(range(1, 21))


def test_iterator_reads_no_further_than_it_is_asked() -> None:
    Record.objects.bulk_create(Record(pk=n) for n in range(10, 60))
    with capture_rpcs() as rpcs:
        rows = Record.objects.order_by("pk").iterator(chunk_size=10)
        next(rows)
    assert len(rpcs) == 1
    assert rpcs[0].rows == 10


def test_iterator_over_merged_branches_pages_each_of_them() -> None:
    Record.objects.bulk_create(Record(pk=n, n=n % 40, name="x") for n in range(10, 210))
    rows = Record.objects.filter(n__in=range(40), name="x").order_by("-pk").iterator(chunk_size=3)
    assert [row.pk for row in rows] == list(range(209, 9, -1))


def test_prefetching_takes_one_more_query() -> None:
    with capture_rpcs() as rpcs:
        assert [row.author.name for row in Record.objects.prefetch_related("author")] == ["Ann"] * 3
    assert rpcs.methods == ["RunQuery", "Lookup"]
    with capture_rpcs() as rpcs:
        assert [len(author.record_set.all()) for author in Author.objects.prefetch_related("record_set")] == [3]
    assert rpcs.methods == ["RunQuery", "RunQuery"]


def test_following_a_relation_in_a_query_names_the_plugin() -> None:
    for rows in (Record.objects.select_related("author"), Record.objects.filter(author__name="Ann"), Record.objects.values("author__name")):
        with pytest.raises(NotSupportedError, match="'relational'"):
            list(rows)


def test_raw_sql_is_refused() -> None:
    with pytest.raises(NotSupportedError, match="no SQL"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_distinct_on_columns_that_are_not_selected() -> None:
    first = Record.objects.order_by("n", "-pk").distinct("n")
    assert list(first.values_list("pk", flat=True)) == [2, 3]
    assert list(Record.objects.filter(pk__in=first).order_by("name").values_list("pk", flat=True)) == [2, 3]
    assert list(Record.objects.filter(pk__in=[1, 2, 3]).order_by("n", "pk").distinct("n").values_list("name", flat=True)) == ["a", "b"]


def test_distinct_constants_are_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Record.objects.distinct().exists()
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", ["relational"])
    connection.close()
    with pytest.warns(EmulatedQueryWarning):
        assert list(Record.objects.values_list(Value(1)).distinct()) == [(1,)]


@pytest.mark.parametrize(
    ("orders", "found"),
    [
        (["y"], [2022, 2024]),
        (["-y"], [2024, 2022]),
        (["at"], [2022, 2024, 2024]),
    ],
)
def test_distinct_years_in_order(orders: list[str], found: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [dt.datetime(*day, 12, tzinfo=dt.UTC) for day in ((2024, 1, 1), (2024, 5, 1), (2022, 3, 1))]
    Nullable.objects.bulk_create(Nullable(pk=pk, at=at, number=-pk) for pk, at in enumerate(moments, 1))
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", ["relational"])
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"relational": {"policy": "allow"}})
    connection.close()
    years = Nullable.objects.annotate(y=TruncYear("at"))
    assert [year.year for year in years.values_list("y", flat=True).distinct().order_by(*orders)] == found
    assert list(years.order_by("-y", "pk").values_list("pk", flat=True)) == [1, 2, 3]
    assert list(years.order_by("y", "number").values_list("pk", flat=True)) == [3, 2, 1]
