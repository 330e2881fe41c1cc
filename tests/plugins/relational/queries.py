"""Queries that only the residual engine answers, as functions of a manager of an alias; their results are lists to compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Avg,
    Case,
    CharField,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    FloatField,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    StdDev,
    Subquery,
    Sum,
    Value,
    Variance,
    When,
    Window,
)
from django.db.models import functions as f
from django.db.models.expressions import RawSQL
from relations.models import Authorship, Book, Country, Person, Publisher, Shelf, Tag, Writer

Query = Callable[[str], Any]
ZONE = ZoneInfo("America/New_York")


def b(alias: str) -> Any:
    return Book.objects.using(alias)


def u(alias: str) -> Any:
    """Return books in no order, as the parts of a union have to be."""
    return Book.objects.using(alias).order_by()


def p(alias: str) -> Any:
    return Person.objects.using(alias)


def ids(queryset: Any) -> list[Any]:
    return list(queryset.values_list("pk", flat=True))


def sorted_ids(queryset: Any) -> list[Any]:
    return sorted(queryset.values_list("pk", flat=True))


JOINS: dict[str, Query] = {
    "forward": lambda a: ids(b(a).filter(publisher__name="Alpha")),
    "forward twice": lambda a: ids(b(a).filter(publisher__country__name="France")),
    "forward with a condition on the base": lambda a: ids(b(a).filter(publisher__founded__gt=1900, pages=150)),
    "isnull over a left join": lambda a: ids(b(a).filter(publisher__country__isnull=True)),
    "exclude over a left join": lambda a: ids(b(a).exclude(publisher__name="Alpha")),
    "or over a left join": lambda a: ids(b(a).filter(Q(publisher__founded=1950) | Q(pages=0))),
    "null or value over a left join": lambda a: ids(b(a).filter(Q(publisher__founded=None) | Q(publisher__founded=1950))),
    "reverse": lambda a: sorted_ids(Publisher.objects.using(a).filter(books__pages=150)),
    "reverse, excluded": lambda a: sorted_ids(Publisher.objects.using(a).exclude(books__pages=150)),
    "reverse, none": lambda a: sorted_ids(p(a).filter(books=None)),
    "many to many": lambda a: ids(b(a).filter(authors__name="Bob")),
    "many to many twice": lambda a: ids(b(a).filter(authors__name="Bob").filter(authors__name="Ada")),
    "many to many, excluded": lambda a: ids(b(a).exclude(authors__name="Bob")),
    "auto-created table": lambda a: ids(b(a).filter(shelf__name="Top").distinct()),
    "self join": lambda a: ids(p(a).filter(mentor__mentor__name="Ada")),
    "self join with equal conditions": lambda a: ids(p(a).filter(mentor__born=1815, born=1950)),
    "multi-table inheritance": lambda a: list(Writer.objects.using(a).filter(born=1990).values_list("name", "pseudonym")),
    "child of a parent": lambda a: ids(p(a).filter(writer__pseudonym="Zed")),
    "generic relation": lambda a: ids(b(a).filter(tags__label="old")),
    "select_related": lambda a: [
        (book.title, book.publisher and (book.publisher.name, book.publisher.country and book.publisher.country.name))
        for book in b(a).select_related("publisher__country")
    ],
    "select_related over one": lambda a: [
        (person.name, person.mentor and person.mentor.born) for person in p(a).select_related("mentor").filter(born__isnull=False)
    ],
    "filtered relation": lambda a: list(
        b(a).annotate(first=FilteredRelation("authorship", condition=Q(authorship__place=1))).values_list("pk", "first__person__name")
    ),
    "ordered by a relation": lambda a: ids(b(a).order_by("publisher__country__name", "-pk")),
    "only over a relation": lambda a: [
        book.publisher.name for book in b(a).select_related("publisher").only("publisher__name") if book.publisher
    ],
    "column of the same name": lambda a: list(b(a).values_list("publisher__name", "authors__name").order_by("pk", "authors__name")),
    "deferred": lambda a: [book.title for book in b(a).defer("blurb").filter(publisher__name="Alpha")],
    "in_bulk of a join": lambda a: sorted(b(a).filter(publisher__name="Alpha").in_bulk()),
    "key of a relation": lambda a: ids(b(a).filter(publisher__country="DE")),
    "string key": lambda a: list(Country.objects.using(a).filter(publishers__founded=1980).values_list("code", "name")),
}

SUBQUERIES: dict[str, Query] = {
    "exists": lambda a: ids(b(a).filter(Exists(Authorship.objects.filter(book=OuterRef("pk"), person__name="Bob")))),
    "not exists": lambda a: ids(b(a).filter(~Exists(Authorship.objects.filter(book=OuterRef("pk"))))),
    "scalar": lambda a: list(
        b(a)
        .annotate(first=Subquery(p(a).filter(authorship__book=OuterRef("pk")).order_by("authorship__place").values("name")[:1]))
        .values_list("pk", "first")
    ),
    "in of another model": lambda a: ids(b(a).filter(pk__in=Authorship.objects.using(a).filter(person__born__gt=1900).values("book"))),
    "not in of another model": lambda a: ids(b(a).exclude(pk__in=Authorship.objects.using(a).filter(person__born__gt=1900).values("book"))),
    "in of a slice": lambda a: ids(b(a).filter(pages__in=b(a).order_by("-pages").values("pages")[:1])),
    "same table inside and outside": lambda a: ids(
        b(a).filter(pages=150).filter(Exists(b(a).filter(pages=OuterRef("pages")).exclude(pk=OuterRef("pk"))))
    ),
    "aggregate of a subquery": lambda a: b(a).filter(pk__in=b(a).filter(pages__gt=1)).aggregate(s=Sum("pages")),
    "count of distinct joined rows": lambda a: b(a).filter(authors__born__gt=0).distinct().count(),
    "count of a slice of joined rows": lambda a: b(a).filter(authors__born__gt=0)[:2].count(),
    "exists()": lambda a: (b(a).filter(publisher__name="Alpha").exists(), b(a).filter(publisher__name="none").exists()),
    "union": lambda a: sorted(u(a).filter(pages=150).values_list("pk").union(u(a).filter(pages=0).values_list("pk")).order_by()),
    "intersection": lambda a: sorted(
        u(a).filter(pages=150).values_list("pk").intersection(u(a).filter(rating=None).values_list("pk")).order_by()
    ),
    "difference": lambda a: sorted(u(a).values_list("pk").difference(u(a).filter(pages=150).values_list("pk")).order_by()),
    "union all, ordered": lambda a: list(u(a).values_list("title").union(p(a).order_by().values_list("name"), all=True).order_by("title")),
    "sliced union": lambda a: list(
        u(a).values_list("pages", "pk").union(p(a).order_by().values_list("born", "pk")).order_by("pages", "pk")[1:4]
    ),
    "nothing": lambda a: ids(b(a).filter(publisher__name__in=[])),
}

GROUPS: dict[str, Query] = {
    "count by relation": lambda a: list(Publisher.objects.using(a).annotate(n=Count("books")).values_list("pk", "n").order_by("pk")),
    "count by value": lambda a: list(b(a).values("pages").annotate(n=Count("pk")).order_by("pages").values_list("pages", "n")),
    "having": lambda a: list(Publisher.objects.using(a).annotate(n=Count("books")).filter(n__gt=1).values_list("pk", "n")),
    "having or a value": lambda a: sorted_ids(Publisher.objects.using(a).annotate(n=Count("books")).filter(Q(n__gt=1) | Q(founded=1980))),
    "having and a value": lambda a: sorted_ids(Publisher.objects.using(a).annotate(n=Count("books")).filter(n__gt=0, founded__gt=1960)),
    "sum of decimals": lambda a: b(a).filter(publisher__name="Alpha").aggregate(s=Sum("price"), m=Max("price"), n=Min("price")),
    "max of decimals, compared": lambda a: sorted_ids(
        Publisher.objects.using(a).annotate(m=Max("books__price")).filter(m__gt=Decimal("99.5"))
    ),
    "avg": lambda a: Publisher.objects.using(a).aggregate(a=Avg("books__pages"), r=Avg("books__rating")),
    "conditional count": lambda a: b(a).aggregate(n=Count("pk", filter=Q(pages__gt=100)), d=Count("pages", distinct=True)),
    "sum with default": lambda a: b(a).filter(publisher__name="none").aggregate(s=Sum("pages", default=7)),
    "aggregate of an annotation": lambda a: Publisher.objects.using(a).annotate(n=Count("books")).aggregate(m=Max("n")),
    "statistics of decimals": lambda a: {
        k: round(v, 6) for k, v in b(a).exclude(price=None).aggregate(s=StdDev("price"), v=Variance("price")).items()
    },
    "group by expression": lambda a: list(
        b(a).annotate(l=f.Length("title")).values("l").annotate(n=Count("pk")).order_by("l").values_list("l", "n")
    ),
    "group by year": lambda a: list(
        b(a).exclude(published=None).values(y=f.ExtractYear("published")).annotate(n=Count("pk")).order_by("y").values_list("y", "n")
    ),
    "group by decimal": lambda a: list(b(a).values("price").annotate(n=Count("pk")).order_by("price").values_list("price", "n")),
    "distinct values": lambda a: list(b(a).order_by("pages").values_list("pages", flat=True).distinct()),
    "dates": lambda a: list(b(a).dates("day", "month")),
    "datetimes": lambda a: list(b(a).datetimes("published", "day", tzinfo=ZONE)),
}

EXPRESSIONS: dict[str, Query] = {
    "arithmetic": lambda a: list(b(a).annotate(x=F("pages") * 2 + 1).values_list("pk", "x")),
    "power": lambda a: list(b(a).annotate(x=F("pages") ** 2).values_list("pk", "x")),
    "columns compared": lambda a: ids(b(a).filter(pages__gt=F("rating"))),
    "decimal arithmetic": lambda a: list(b(a).annotate(x=F("price") * Decimal("1.1")).values_list("pk", "x")),
    "decimals compared": lambda a: ids(b(a).filter(price__gt=F("pages") / 10)),
    "decimal as a value": lambda a: ids(b(a).alias(x=Value(Decimal("9.99"))).filter(price__gt=F("x"))),
    "case": lambda a: list(
        b(a)
        .annotate(k=Case(When(pages__gt=200, then=Value("long")), When(pages=0, then=Value("none")), default=Value("short")))
        .values_list("pk", "k")
    ),
    "coalesce": lambda a: list(b(a).annotate(x=f.Coalesce("rating", Value(9.5))).values_list("pk", "x")),
    "coalesce of decimals": lambda a: list(
        b(a).annotate(x=f.Coalesce("price", Value(Decimal(0)), output_field=DecimalField())).values_list("pk", "x").order_by("x")
    ),
    "greatest": lambda a: list(b(a).annotate(x=f.Greatest("pages", Value(150))).values_list("pk", "x")),
    "concat": lambda a: list(b(a).annotate(x=f.Concat("title", Value("!"), F("publisher__name"))).values_list("pk", "x")),
    "substr and length": lambda a: list(b(a).annotate(x=f.Substr("title", 1, 3), n=f.Length("title")).values_list("pk", "x", "n")),
    "cast": lambda a: list(b(a).annotate(x=f.Cast("pages", CharField()), y=f.Cast("rating", IntegerField())).values_list("pk", "x", "y")),
    "round and sign": lambda a: list(
        b(a).annotate(x=f.Round("rating"), y=f.Sign("price"), z=f.Abs("rating")).values_list("pk", "x", "y", "z")
    ),
    "trigonometry of decimals": lambda a: [
        (k, x and round(x, 9)) for k, x in b(a).annotate(x=f.Cot(ExpressionWrapper(F("price"), FloatField()))).values_list("pk", "x")
    ],
    "hash": lambda a: list(b(a).annotate(x=f.MD5("title")).values_list("pk", "x")),
    "extract": lambda a: list(
        b(a).annotate(x=f.ExtractHour("published", tzinfo=ZONE), w=f.ExtractWeekDay("day")).values_list("pk", "x", "w")
    ),
    "trunc": lambda a: list(
        b(a).annotate(x=f.TruncMonth("published", tzinfo=ZONE), d=f.TruncDate("published")).values_list("pk", "x", "d")
    ),
    "duration": lambda a: list(b(a).annotate(x=F("published") + F("loan")).values_list("pk", "x")),
    "difference of datetimes": lambda a: list(
        b(a).annotate(x=F("published") - Value(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))).values_list("pk", "x")
    ),
    "year lookup beside a join": lambda a: ids(b(a).filter(published__year=2024, publisher__name__istartswith="a")),
    "hour lookup": lambda a: ids(b(a).filter(published__hour=12)),
    "time lookup": lambda a: ids(b(a).filter(opens__minute=30)),
    "boolean expression": lambda a: list(b(a).annotate(x=Q(pages__gt=100)).values_list("pk", "x")),
    "ordered by an expression": lambda a: ids(b(a).order_by(f.Length("title").desc(), "pk")),
    "nulls last": lambda a: ids(b(a).order_by(F("rating").asc(nulls_last=True), "pk")),
    "nulls first, descending": lambda a: ids(b(a).order_by(F("price").desc(nulls_first=True), "pk")),
    "ordered by a decimal": lambda a: ids(b(a).filter(Q(pages__gt=-1) | Q(publisher__name="x")).order_by("price")),
    "random order": lambda a: sorted(ids(b(a).order_by("?"))),
    "window": lambda a: list(
        b(a)
        .annotate(r=Window(f.RowNumber(), partition_by="pages", order_by="pk"), s=Window(Sum("pages"), order_by="pk"))
        .values_list("pk", "r", "s")
    ),
    "filtered window": lambda a: ids(b(a).annotate(r=Window(f.Rank(), order_by="pages")).filter(r__lt=3, pages__lt=200)),
    "raw expression": lambda a: list(
        b(a).annotate(x=RawSQL("SELECT count(*) FROM relations_tag WHERE label = %s", ["old"])).values_list("pk", "x")
    ),
    "raw expression over the same table": lambda a: list(
        b(a).filter(pages=150).annotate(x=RawSQL("SELECT count(*) FROM relations_book", [])).values_list("pk", "x")
    ),
    "extra": lambda a: list(
        b(a).extra(select={"x": "pages + %s"}, select_params=[1], where=["relations_book.pages > %s"], params=[100]).values_list("pk", "x")
    ),
    "extra tables": lambda a: ids(
        b(a).extra(tables=["relations_publisher"], where=["relations_publisher.id = publisher_id", "relations_publisher.founded > 1960"])
    ),
    "extra order": lambda a: ids(b(a).extra(select={"x": "-pages"}, order_by=["x", "id"])),
    "mixed values": lambda a: list(
        b(a)
        .filter(publisher__name="Alpha")
        .values_list("published", "day", "opens", "loan", "in_print", "isbn", "cover", "extra", "price", "rating")
    ),
    "reversed": lambda a: ids(b(a).filter(publisher__isnull=False, publisher__name__gt="").reverse()[1:3]),
    "json path": lambda a: ids(b(a).filter(extra__size__w=3)),
    "json path, compared": lambda a: ids(b(a).filter(extra__size__w__gt=3)),
    "json index": lambda a: ids(b(a).filter(extra__size__h__1=2)),
    "json key": lambda a: ids(b(a).filter(extra__has_key="ok")),
    "json null": lambda a: ids(b(a).filter(extra__none=None)),
    "json missing": lambda a: ids(b(a).filter(extra__ok__isnull=True)),
    "json value": lambda a: list(b(a).values_list("pk", "extra__name", "extra__size")),
    "json exact": lambda a: ids(b(a).filter(extra=[1, 2])),
    "json ordered": lambda a: ids(b(a).filter(extra__size__w__isnull=False).order_by("-extra__size__w")),
    "uuid in a join": lambda a: ids(Authorship.objects.using(a).filter(book__isbn="00000000-0000-0000-0000-000000000007")),
    "bytes": lambda a: ids(Authorship.objects.using(a).filter(book__cover=b"\x00\xff")),
    "durations compared": lambda a: ids(Authorship.objects.using(a).filter(book__loan__gt=dt.timedelta(0))),
    "collated": lambda a: sorted_ids(Shelf.objects.using(a).filter(name="TOP")),
    "iterator": lambda a: [book.pk for book in b(a).filter(pages__gt=F("pages") - 1).iterator(chunk_size=2)],
    "first and last": lambda a: (b(a).filter(publisher__name="Alpha").first().pk, b(a).filter(publisher__name="Alpha").last().pk),
    "get": lambda a: b(a).get(publisher__name="Beta").pk,
    "tags of books": lambda a: sorted(Tag.objects.using(a).filter(content_type__model="book").values_list("label", "object_id")),
    "like with wildcards": lambda a: (ids(b(a).filter(title__contains="0%")), ids(b(a).filter(title__contains="e_"))),
    "regex": lambda a: ids(b(a).filter(title__regex=r"^[a-z].*n$")),
    "iregex": lambda a: ids(b(a).filter(title__iregex=r"^orphan")),
}

EVERY = {
    f"{group}: {name}": query
    for group, queries in (("join", JOINS), ("subquery", SUBQUERIES), ("group", GROUPS), ("expression", EXPRESSIONS))
    for name, query in queries.items()
}
