"""Random filters, exclusions, orderings and slices have SQLite's answers."""

from __future__ import annotations

import os
from typing import Any

from django.db import connection
from django.db.utils import NotSupportedError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from records.models import Author, Record

from . import orm_strategies as strategies
from .conftest import fresh_store
from .orm_strategies import Asked

STORE = "default"
QUICK = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
SETS = 250 if os.environ.get("KINDSTORE_TEST_DRIVER", "memory") == "memory" else 60  # eight queries each; an emulator takes its time
sets = settings(max_examples=SETS, deadline=None, phases=QUICK, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))


def store(alias: str, rows: list[dict[str, Any]]) -> None:
    Author.objects.using(alias).bulk_create(Author(pk=pk, born=1900 + pk) for pk in (1, 2, 3))
    Record.objects.using(alias).bulk_create(Record(pk=at, **row) for at, row in enumerate(rows, 1))


def answer(asked: Asked, alias: str) -> list[Any]:
    """Return the keys of the rows that a query finds, each with what it is sorted by."""
    found = asked.on(Record.objects.using(alias))
    names = [name.removeprefix("-") for name in asked.order]
    listed = [(tuple(getattr(row, name) for name in names), row.pk) for row in found]
    if asked.window is not None:
        return listed
    assert found.count() == len(listed)
    assert found.exists() is bool(listed)
    return [[keys for keys, _ in listed], sorted(listed, key=lambda each: each[1])]


def is_refused(asked: Asked) -> bool:
    """Tell whether a query would take too many queries of a store that has no OR."""
    try:
        answer(asked, STORE)
    except NotSupportedError as error:
        if connection.session.capabilities.disjunctions > 1 or "DJANGAE_MAX_QUERY_BRANCHES" not in str(error):
            raise
        return True
    return False


def compare(lite: str, rows: list[dict[str, Any]], queries: list[Asked], plugins: list[str]) -> None:
    Record.objects.using(lite).all().delete()
    Author.objects.using(lite).all().delete()
    store(lite, rows)
    with fresh_store(plugins):
        store(STORE, rows)
        for asked in queries:
            if plugins or not is_refused(asked):
                assert answer(asked, STORE) == answer(asked, lite), asked


@sets
@given(strategies.rows, st.lists(strategies.queries(strategies.leaves), min_size=8, max_size=8))
def test_queries_have_the_answers_of_sqlite(lite: str, rows: list[dict[str, Any]], queries: list[Asked]) -> None:
    compare(lite, rows, queries, [])


@settings(sets, max_examples=SETS // 2)
@given(strategies.rows, st.lists(strategies.queries(strategies.mixed), min_size=8, max_size=8))
def test_queries_that_are_partly_residual_have_the_answers_of_sqlite(lite: str, rows: list[dict[str, Any]], queries: list[Asked]) -> None:
    compare(lite, rows, queries, ["relational"])


@settings(sets, max_examples=SETS // 2)
@given(strategies.rows, st.lists(strategies.queries(strategies.joined), min_size=8, max_size=8))
def test_queries_that_join_have_the_answers_of_sqlite(lite: str, rows: list[dict[str, Any]], queries: list[Asked]) -> None:
    compare(lite, rows, queries, ["relational"])
