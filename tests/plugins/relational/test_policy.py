"""What the policies do, and where a warning points."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import NotSupportedError, connection
from django.db.models import F, Q
from relations.models import Book

from kindstore.core.warnings import EmulatedQueryWarning
from kindstore.plugins.relational import RelationalPlugin
from kindstore.testing import capture_rpcs


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


class Observer:
    """Notes the emulated queries that it is told of."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, int]] = []

    def rpc(self, alias: str, rpc: Any) -> None: ...

    def emulated(self, alias: str, description: str, rows: int) -> None:
        self.heard.append((alias, description, rows))


class TestWarn:
    def test_says_what_why_and_how_much(self) -> None:
        with pytest.warns(EmulatedQueryWarning) as caught:
            list(Book.objects.filter(publisher__name="Alpha"))

        text = str(caught[0].message)
        assert text.startswith("This query of relations.Book is not native: it joins relations_publisher.")
        assert "3 fetched rows (1 of relations_publisher, 2 of relations_book)" in text
        assert text.endswith(".")

    def test_points_at_the_code_that_asks(self) -> None:
        with pytest.warns(EmulatedQueryWarning) as caught:
            list(Book.objects.filter(publisher__name="Alpha"))

        assert caught[0].filename == __file__

    def test_once_for_each_place(self) -> None:
        with pytest.warns(EmulatedQueryWarning) as caught:
            found = [len(Book.objects.filter(publisher__name=name)) for name in ("Alpha", "Beta")]

        assert (found, len(caught)) == ([2, 1], 1)

    def test_setting_silences(self, settings: Any) -> None:
        settings.ENABLE_DB_EMULATION_WARNINGS = False

        assert len(Book.objects.filter(publisher__name="Alpha")) == 2

    def test_statement_of_a_management_command_is_silent(self) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call_command("remove_stale_contenttypes", interactive=False, verbosity=0)

        assert not [each for each in caught if each.category is EmulatedQueryWarning]

    def test_native_query_is_silent(self) -> None:
        assert len(Book.objects.filter(pages=150)) == 2

    def test_condition_that_reads_no_table_is_silent(self) -> None:
        assert Q(x__gt=1).check({"x": 2}) is True


class TestAllow:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"policy": "allow"}

    def test_is_silent(self) -> None:
        assert len(Book.objects.filter(publisher__name="Alpha")) == 2

    def test_observers_are_told(self) -> None:
        observer = Observer()
        connection.session.observers = (observer,)

        list(Book.objects.filter(publisher__name="Alpha"))

        ((alias, description, rows),) = observer.heard
        assert (alias, rows) == ("default", 3)
        assert "it joins relations_publisher" in description


class TestError:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"policy": "error"}

    def test_refuses_before_any_rpc(self) -> None:
        with capture_rpcs() as rpcs, pytest.raises(NotSupportedError, match=r"relations\.Book is not native: it joins relations_publisher"):
            list(Book.objects.filter(publisher__name="Alpha"))

        assert not rpcs

    def test_native_query_runs(self) -> None:
        assert len(Book.objects.filter(pages=150)) == 2

    def test_condition_that_reads_no_table_runs(self) -> None:
        assert Q(x__gt=1).check({"x": 0}) is False


@pytest.mark.parametrize(
    ("chosen", "message"),
    [({"policy": "maybe"}, "choose one of 'allow', 'warn', 'error'"), ({"max_rows": 0}, "positive"), ({"max_rows": "9"}, "positive")],
)
def test_bad_option_is_refused(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        RelationalPlugin(**chosen)


def test_explain_reads_nothing() -> None:
    with capture_rpcs() as rpcs:
        lines = Book.objects.filter(publisher__name="Alpha", pages=F("pages") + 0).explain().splitlines()

    assert not rpcs
    assert any("relations_publisher" in line and "name" in line for line in lines)
    assert any("WHERE name = 'Alpha'" in line for line in lines)
    statement = next(at for at, line in enumerate(lines) if "SQLite:" in line)
    assert 'INNER JOIN "relations_publisher"' in lines[statement]
    assert any("SEARCH relations_publisher" in line or "SCAN relations_publisher" in line for line in lines[statement:])


def test_explain_of_nothing() -> None:
    assert "no row can match" in Book.objects.filter(publisher__name__in=[]).explain()


def test_explain_refuses_unknown_options() -> None:
    with pytest.raises(ValueError, match="Unknown options: costs"):
        Book.objects.filter(publisher__name="Alpha").explain(costs=True)
