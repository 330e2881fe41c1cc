"""Expressions that are written: computed for the rows at hand, and stored in the type of the field."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Avg, BooleanField, Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models import functions as f
from relations.models import Book, Publisher, Writer

from kindstore.core.datamodel import ENTITY
from kindstore.testing import capture_rpcs

UPDATES: dict[str, tuple[dict[str, Any], tuple[str, Any]]] = {
    "power": ({"pages": F("pages") ** 2}, ("pages", 90000)),
    "float to integer": ({"pages": F("rating") * 3}, ("pages", 14)),
    "integer to float": ({"rating": F("pages")}, ("rating", 300.0)),
    "text": ({"title": f.Upper(f.Substr("title", 1, 3))}, ("title", "ENG")),
    "number to text": ({"title": F("pages")}, ("title", "300")),
    "case": ({"blurb": Case(When(pages__gt=10, then=Value("long")), default=Value("short"))}, ("blurb", "long")),
    "condition": (
        {"in_print": Case(When(pages=300, then=Value(False)), default=Value(True), output_field=BooleanField())},
        ("in_print", False),
    ),
    "decimal": ({"price": F("price") * Decimal("1.1")}, ("price", Decimal("13.75"))),
    "decimal to decimal": ({"price": F("price")}, ("price", Decimal("12.50"))),
    "datetime": ({"published": F("published") + F("loan")}, ("published", dt.datetime(2024, 3, 2, 23, 30, 0, 6, tzinfo=dt.UTC))),
    "date": ({"day": f.TruncDate("published")}, ("day", dt.date(2024, 2, 29))),
    "date of a datetime": ({"day": f.TruncMonth("day")}, ("day", dt.date(2024, 2, 1))),
    "time": ({"opens": f.TruncHour("opens")}, ("opens", dt.time(8))),
    "duration": ({"loan": F("loan") * 2}, ("loan", dt.timedelta(days=4, microseconds=10))),
    "JSON": ({"extra": f.Coalesce("extra", "extra")}, ("extra", {"size": {"w": 3, "h": [1, 2]}, "name": "Élan", "ok": True, "none": None})),
    "uuid": ({"isbn": f.Coalesce("isbn", "isbn")}, ("isbn", "00000000-0000-0000-0000-000000000007")),
    "bytes": ({"cover": F("cover")}, ("cover", b"\x00\xff")),
    "null": ({"rating": f.NullIf("rating", Value(4.5))}, ("rating", None)),
    "subquery": ({"blurb": Subquery(Publisher.objects.filter(pk=OuterRef("publisher")).values("name")[:1])}, ("blurb", "Alpha")),
    "subquery of the same table": (
        {"rating": Subquery(Book.objects.filter(publisher=OuterRef("publisher")).values("publisher").annotate(a=Avg("pages")).values("a"))},
        ("rating", 225.0),
    ),
}


@pytest.mark.parametrize(("values", "expected"), UPDATES.values(), ids=UPDATES)
def test_update(values: dict[str, Any], expected: tuple[str, Any]) -> None:
    Book.objects.filter(pk=1).update(**values)

    name, value = expected
    found = getattr(Book.objects.get(pk=1), name)
    assert (str(found) if isinstance(value, str) else found) == value


def test_stored_value_has_the_type_of_the_field() -> None:
    Book.objects.filter(pk=1).update(pages=F("pages") ** 2, title=F("pages"))

    assert [type(stored(1)[name]) for name in ("pages", "title")] == [int, str]


def stored(pk: int) -> dict[str, Any]:
    from kindstore.core.datamodel import Column, Key, Shape

    key = Key((("relations_book", pk),), connection.session.namespace())
    ((entity,),) = connection.session.lookup([key], Shape((Column(ENTITY),)))  # type: ignore[misc]
    return dict(entity.properties)


def test_each_row_has_its_own_value() -> None:
    Book.objects.filter(pages__gt=0).update(blurb=f.Concat("title", Value("/"), f.Cast("pages", Book._meta.get_field("blurb"))))

    assert dict(Book.objects.order_by("pk").values_list("pk", "blurb")) == {
        1: "Engines 100%/300",
        2: "émile_et/150",
        3: "Émile/150",
        4: "",
        5: "ORPHAN b/1",
    }


def test_update_of_joined_rows() -> None:
    assert Book.objects.filter(publisher__name="Alpha").update(pages=F("pages") ** 2) == 2


def test_delete_of_joined_rows() -> None:
    assert Book.objects.filter(publisher__name="Beta").delete()[0] == 1


def test_update_and_delete_of_rows_with_aggregates() -> None:
    counted = Publisher.objects.annotate(count=Count("books"))
    assert counted.filter(count=2).update(founded=1) == 1
    assert counted.filter(count=1).extra(select={"one": "1"}).delete()[1]["relations.Publisher"] == 2
    assert list(Publisher.objects.values_list("name", "founded")) == [("Alpha", 1)]


def test_update_of_the_columns_of_a_parent_counts_rows() -> None:
    assert Writer.objects.filter(pk=99).update(born=1) == 0
    assert Writer.objects.filter(pk=4).update(born=1) == 1
    assert Writer.objects.filter(pseudonym="Zed").update(born=2, pseudonym="Zzz") == 1


def test_insert_of_expressions() -> None:
    book = Book.objects.create(title=f.Upper(Value("new")), pages=Value(3) * 4, published=f.Now())

    read = Book.objects.get(pk=book.pk)
    assert (read.title, read.pages) == ("NEW", 12)
    assert abs(read.published - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_expressions_of_given_rows_read_nothing() -> None:
    from kindstore.core.mapping import mapping_of

    mapping = mapping_of(Publisher, connection)
    fields = {
        Publisher._meta.get_field("name"): f.Upper(col(Publisher, "name")),
        Publisher._meta.get_field("founded"): col(Publisher, "founded") + 1,
    }
    rows = [tuple({"id": n, "name": f"n{n}", "founded": n}.get(column.name) for column in mapping.columns) for n in (2, 1)]

    with capture_rpcs() as rpcs:
        found = connection.session.engine.evaluate(connection, Publisher, rows, fields)

    assert found == [("N2", 3), ("N1", 2)]
    assert not rpcs


def col(model: Any, name: str) -> Any:
    return model._meta.get_field(name).get_col(model._meta.db_table)


def test_condition_beside_an_inner_query() -> None:
    Book.objects.filter(pk__in=[1, 4]).update(in_print=Exists(Publisher.objects.filter(pk=OuterRef("publisher"))) & Q(pages__gt=0))

    assert dict(Book.objects.filter(pk__in=[1, 4]).values_list("pk", "in_print")) == {1: True, 4: False}


def test_key_of_the_row_is_at_hand() -> None:
    Book.objects.filter(pk=3).update(pages=F("pk") * f.Length("title"))

    assert Book.objects.get(pk=3).pages == 15


@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Tokyo"])
def test_a_day_added_to_a_date_is_a_day_in_every_time_zone(zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    Book.objects.filter(pk=1).update(day=dt.date(2024, 2, 28))
    Book.objects.filter(pk=1).update(day=F("day") + dt.timedelta(days=1))

    assert Book.objects.get(pk=1).day == dt.date(2024, 2, 29)
