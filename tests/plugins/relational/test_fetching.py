"""Each table's rows are fetched by one query, restricted where that is sound, and never more of them than `max_rows`."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.expressions import RawSQL
from relations.models import Authorship, Book, Person, Publisher

from kindstore.core.datamodel import ID, Query
from kindstore.core.planner.explain import describe_filter
from kindstore.testing import capture_rpcs


def fetched(queryset: Any) -> dict[str, str]:
    """Return, for each table that a queryset reads, the text of the condition by which its rows are fetched."""
    with capture_rpcs() as rpcs:
        list(queryset)
    found = [condition(rpc.request) for rpc in rpcs]
    assert len(dict(found)) == len(found)
    return dict(found)


def condition(request: Any) -> tuple[str, str]:
    """Return the table that an RPC reads, and the keys or the condition that it gives."""
    if isinstance(request, Query):
        return str(request.kind), text(request.filter)
    return request[0].kind, f"keys {[key.id_or_name for key in request]}"


def text(filter_: Any) -> str:
    return "" if filter_ is None else describe_filter(filter_)


BOOK, PUBLISHER, AUTHORSHIP, PERSON = "relations_book", "relations_publisher", "relations_authorship", "relations_person"
RESTRICTIONS = {
    "base table": (lambda: Book.objects.filter(pages=150, rating__gt=F("pages")), {BOOK: "pages = 150"}),
    "both tables": (
        lambda: Book.objects.filter(pages=150, publisher__founded__gt=1900),
        {BOOK: "pages = 150", PUBLISHER: "keys [1, 2]"},
    ),
    "negated on the base table": (
        lambda: Book.objects.exclude(pages__gte=150).filter(publisher__name="Beta"),
        {BOOK: "pages > NULL AND pages < 150 AND publisher_id = 3", PUBLISHER: "name = 'Beta'"},
    ),
    "left join, null allowed": (
        lambda: Book.objects.filter(Q(publisher__founded=1950) | Q(pages=0)),
        {BOOK: "", PUBLISHER: "keys [1, 2, 3]"},
    ),
    "left join, missing": (lambda: Book.objects.filter(publisher__country=None), {BOOK: "", PUBLISHER: "keys [1, 2, 3]"}),
    "left join, excluded": (
        lambda: Publisher.objects.filter(~Q(country__name="France")),
        {PUBLISHER: "", "relations_country": "keys ['DE', 'FR']"},
    ),
    "over three tables": (
        lambda: Book.objects.filter(authors__name="Bob"),
        {PERSON: "name = 'Bob'", AUTHORSHIP: "person_id = 2", BOOK: "keys [1, 2]"},
    ),
    "no partner": (lambda: Book.objects.filter(authors__name="nobody"), {PERSON: "name = 'nobody'"}),
    "one table twice": (lambda: Person.objects.filter(born=1950, mentor__born=1815), {PERSON: ""}),
    "table of an inner query": (
        lambda: Book.objects.filter(Exists(Authorship.objects.filter(book=OuterRef("pk"), place=2))),
        {BOOK: "", AUTHORSHIP: "place = 2"},
    ),
    "table inside and outside": (
        lambda: Book.objects.filter(pages=150).filter(Exists(Book.objects.filter(pages=OuterRef("pages"), rating=2.5))),
        {BOOK: ""},
    ),
    "raw SQL": (lambda: Book.objects.filter(pages=150).annotate(n=RawSQL("SELECT count(*) FROM relations_book", [])), {BOOK: ""}),
    "having": (
        lambda: Publisher.objects.filter(name="Beta").annotate(n=Count("books")).filter(Q(n=1) | Q(founded=1980)),
        {PUBLISHER: "name = 'Beta'", BOOK: "publisher_id = 3"},
    ),
    "where beside having": (
        lambda: Publisher.objects.annotate(n=Count("books")).filter(n__gt=0, founded=1980),
        {PUBLISHER: "founded = 1980", BOOK: "publisher_id = 2"},
    ),
}


@pytest.mark.parametrize(("queryset", "expected"), RESTRICTIONS.values(), ids=RESTRICTIONS)
def test_restriction(queryset: Any, expected: dict[str, str]) -> None:
    assert fetched(queryset()) == expected


def test_key_is_looked_up() -> None:
    with capture_rpcs() as rpcs:
        list(Book.objects.filter(pk=1).annotate(x=F("pages") + 1))

    assert rpcs.methods == ["Lookup"]


def test_table_of_a_trimmed_join_is_not_read() -> None:
    assert set(fetched(Book.objects.filter(publisher__pk=1).annotate(x=F("pages") + 1))) == {BOOK}


def test_only_the_columns_that_are_read_are_fetched() -> None:
    shapes: list[Any] = []
    session = connection.session
    run = session.run_query

    def run_query(query: Any, shape: Any, *rest: Any) -> Any:
        shapes.append([column.name for column in shape.columns])
        return run(query, shape, *rest)

    session.run_query = run_query
    list(Book.objects.filter(publisher__founded=1950).order_by().values_list("pages"))

    assert sorted(shapes) == [[ID, "founded"], ["publisher_id", "pages"]]


def test_impossible_condition_sends_nothing() -> None:
    with capture_rpcs() as rpcs:
        assert not Book.objects.filter(publisher__name__in=[])

    assert not rpcs


def test_too_many_branches_drop_the_restriction(settings: Any) -> None:
    settings.DJANGAE_MAX_QUERY_BRANCHES = 1
    condition = Q()
    for number in range(60):
        condition |= Q(pages=number, rating=number)

    assert list(Book.objects.filter(condition, publisher__isnull=True).annotate(x=F("pages") + 1).values_list("pk", flat=True)) == [4]


def test_too_many_values_do_not_narrow() -> None:
    Publisher.objects.bulk_create(Publisher(name="many") for _ in range(40))

    assert fetched(Book.objects.filter(publisher__name="many")) == {PUBLISHER: "name = 'many'", BOOK: ""}


class TestMaxRows:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"policy": "allow", "max_rows": 6}

    def test_within_the_bound(self) -> None:
        assert len(Book.objects.annotate(x=F("pages") + 1)) == 5

    def test_beyond_the_bound(self) -> None:
        with pytest.raises(OperationalError, match=r"relations\.Book is not native.*more than 6 rows: relations_book has more than 3 "):
            list(Book.objects.filter(publisher__name__gt=""))

    def test_no_more_is_fetched_than_tells_that_it_is_too_much(self) -> None:
        with capture_rpcs() as rpcs, pytest.raises(OperationalError):
            list(Book.objects.filter(publisher__name__gt=""))

        assert [rpc.rows for rpc in rpcs] == [3, 4]

    def test_next_query_finds_nothing_of_the_failed_one(self) -> None:
        with pytest.raises(OperationalError):
            list(Book.objects.filter(publisher__name__gt=""))

        assert Book.objects.annotate(x=F("pages") + 1).filter(x__gt=0, pk=1).count() == 1


def test_each_rpc_is_in_the_entry_of_its_statement() -> None:
    connection.force_debug_cursor = True
    before = len(connection.queries_log)
    try:
        list(Book.objects.filter(publisher__name="Alpha"))
        (entry,) = list(connection.queries_log)[before:]
    finally:
        connection.force_debug_cursor = False

    assert "JOIN" in entry["sql"]
    assert [text.split()[0] for text in entry["rpcs"]] == ["RunQuery", "RunQuery"]
