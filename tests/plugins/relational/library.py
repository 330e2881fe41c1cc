"""The rows that every test reads."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.contrib.contenttypes.models import ContentType
from relations.models import Authorship, Book, Country, Person, Publisher, Shelf, Tag, Writer

MODELS = (ContentType, Country, Publisher, Person, Writer, Book, Authorship, Tag, Shelf)


def moment(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


def fill(alias: str) -> None:
    """Write the rows that every test reads."""
    save = [
        ContentType(id=1, app_label="relations", model="book"),
        Country(code="DE", name="Österreich-Nachbar"),
        Country(code="FR", name="France"),
        Publisher(id=1, name="Alpha", country_id="DE", founded=1950),
        Publisher(id=2, name="alpha Süd", country_id="FR", founded=1980),
        Publisher(id=3, name="Beta", country_id=None, founded=None),
        Person(id=1, name="Ada", born=1815, mentor_id=None),
        Person(id=2, name="Bob", born=1950, mentor_id=1),
        Person(id=3, name="Élodie", born=None, mentor_id=1),
        Writer(id=4, name="Zoë", born=1990, mentor_id=2, pseudonym="Zed"),
        *books(),
        Authorship(id=1, book_id=1, person_id=1, place=1),
        Authorship(id=2, book_id=1, person_id=2, place=2),
        Authorship(id=3, book_id=2, person_id=2, place=1),
        Authorship(id=4, book_id=3, person_id=4, place=1),
        Tag(id=1, label="old", content_type_id=1, object_id=1),
        Tag(id=2, label="new", content_type_id=1, object_id=2),
        Tag(id=3, label="old", content_type_id=1, object_id=4),
        Shelf(id=1, name="Top"),
        Shelf(id=2, name="top"),
        Shelf.books.through(id=1, shelf_id=1, book_id=1),
        Shelf.books.through(id=2, shelf_id=1, book_id=3),
        Shelf.books.through(id=3, shelf_id=2, book_id=3),
    ]
    for row in save:
        row.save(using=alias, force_insert=True)


def books() -> list[Book]:
    return [
        Book(
            id=1,
            title="Engines 100%",
            publisher_id=1,
            price=Decimal("12.50"),
            pages=300,
            rating=4.5,
            published=moment(2024, 2, 29, 23, 30, 0, 1),
            day=dt.date(2024, 2, 29),
            opens=dt.time(8, 30),
            loan=dt.timedelta(days=2, microseconds=5),
            isbn=uuid.UUID(int=7),
            cover=b"\x00\xff",
            blurb="A\nnovel",
            extra={"size": {"w": 3, "h": [1, 2]}, "name": "Élan", "ok": True, "none": None},
        ),
        Book(
            id=2,
            title="émile_et",
            publisher_id=1,
            price=Decimal("9.99"),
            pages=150,
            rating=None,
            published=moment(2023, 12, 31, 1),
            day=dt.date(2023, 12, 31),
            opens=dt.time(9, 0, 0, 500),
            loan=dt.timedelta(hours=-5),
            in_print=False,
            extra={"size": {"w": 10}, "name": "x"},
        ),
        Book(
            id=3, title="Émile", publisher_id=2, price=Decimal("100.00"), pages=150, rating=2.5, published=moment(2024, 3, 1), extra=[1, 2]
        ),
        Book(id=4, title="orphan", publisher_id=None, price=None, pages=0, rating=0.0, published=None, extra=None),
        Book(
            id=5,
            title="ORPHAN b",
            publisher_id=3,
            price=Decimal("-3.10"),
            pages=1,
            rating=-1.5,
            published=moment(2024, 3, 1, 12),
            blurb="z",
        ),
    ]
