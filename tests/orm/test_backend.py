"""What Django and its tools see of a connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import SynchronousOnlyOperation
from django.core.management import CommandError, call_command
from django.db import IntegrityError, NotSupportedError, connection, models
from django.db.models import Count, F, Q, Sum
from django.db.models.sql.constants import CURSOR
from django.test import SimpleTestCase
from django.test.testcases import DatabaseOperationForbidden
from django.test.utils import CaptureQueriesContext, isolate_apps
from records.models import Author, EveryField, Record

from kindstore.core.backend.operations import DatabaseOperations
from kindstore.testing import assertNumRPCs


def test_connection_queries_has_an_entry_for_each_statement_with_its_rpcs() -> None:
    with CaptureQueriesContext(connection) as captured:
        Record.objects.create(pk=1, name="é")
        list(Record.objects.filter(name="é", n__gt=1).order_by("-n")[:5])
        Record.objects.filter(pk=1).update(n=F("n") + 2)
        Record.objects.filter(pk=1).delete()
    entries = captured.captured_queries
    assert entries[0]["sql"].startswith('INSERT INTO "records_record" ("id", "name", "n",')
    assert "VALUES (1, 'é', " in entries[0]["sql"]
    assert entries[1]["sql"].endswith(
        """WHERE ("records_record"."n" > 1 AND "records_record"."name" = 'é') ORDER BY "records_record"."n" DESC LIMIT 5"""
    )
    table = '"records_record"'
    assert entries[2]["sql"] == f'UPDATE {table} SET "n" = ({table}."n" + 2) WHERE {table}."id" = 1'
    assert entries[3]["sql"] == f'DELETE FROM {table} WHERE {table}."id" = 1'
    texts = [[rpc.replace(connection.settings_dict["NAMESPACE"], "NS") for rpc in entry["rpcs"]] for entry in entries]
    assert texts[1] == ["RunQuery SELECT * FROM records_record IN NS WHERE n > 1 AND name = 'é' ORDER BY n DESC, __key__ LIMIT 5"]
    assert [text.startswith("Commit INSERT NS!records_record:1 (name, n, m,") for text in texts[0]] == [True]
    assert [text.split()[0] for text in texts[3]] == ["Lookup", "Commit"]
    assert "Commit DELETE NS!records_record:1" in texts[3][1]
    assert all(float(entry["time"]) >= 0 for entry in entries)
    assert len(entries) == 4


def test_the_pages_of_an_iterator_belong_to_its_entry() -> None:
    Record.objects.bulk_create(Record(pk=pk) for pk in range(1, 11))
    with CaptureQueriesContext(connection) as captured:
        for record in Record.objects.order_by("pk").iterator(chunk_size=4):
            assert Author.objects.filter(name=record.name).count() == 0
    first, *others = captured.captured_queries
    assert [text.split()[0] for text in first["rpcs"]] == ["RunQuery"] * len(first["rpcs"])
    assert len(first["rpcs"]) >= 3
    assert len(others) == 10


def test_execute_wrappers_are_told_of_each_statement_and_may_refuse_it() -> None:
    told: list[Any] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        told.append((sql.split()[0], params, many, context["connection"].alias))
        return execute(sql, params, many, context)

    def refusing(*_arguments: Any) -> None:
        raise RuntimeError("Not now.")

    with connection.execute_wrapper(wrapper):
        Record.objects.create(pk=1)
        assert [row.pk for row in Record.objects.filter(pk=1)] == [1]
    assert [(verb, many, alias) for verb, _, many, alias in told] == [("INSERT", False, "default"), ("SELECT", False, "default")]
    assert told[1][1] == (1,)
    with connection.execute_wrapper(refusing), pytest.raises(RuntimeError, match="Not now"):
        Record.objects.filter(pk=1).delete()
    assert Record.objects.count() == 1


def test_an_error_is_of_the_same_class_when_queries_are_logged() -> None:
    Record.objects.create(pk=1)
    with CaptureQueriesContext(connection), pytest.raises(IntegrityError) as logged:
        Record.objects.create(pk=1)
    with pytest.raises(IntegrityError) as silent:
        Record.objects.create(pk=1)
    assert type(logged.value) is type(silent.value)
    assert str(logged.value) == str(silent.value)


@isolate_apps("records")
def test_a_name_with_a_percent_sign_can_be_logged() -> None:
    class Share(models.Model):
        part = models.CharField(max_length=9, db_column="a%b")

        class Meta:
            app_label = "records"

    with CaptureQueriesContext(connection) as captured:
        Share.objects.create(part="x")
        assert Share.objects.filter(part="x").update(part="y") == 1
        assert Share.objects.filter(part="y").delete()[0] == 1
    assert all("a%b" in entry["sql"] and len(entry["rpcs"]) >= 1 for entry in captured.captured_queries)


def test_long_values_are_cut_in_the_log() -> None:
    with CaptureQueriesContext(connection) as captured:
        list(Record.objects.filter(name="x" * 1000))
        EveryField.objects.create(binary=b"\x00" * 1000, text="y" * 1000)
    assert all(len(text) < 600 for entry in captured.captured_queries for text in entry["rpcs"])
    assert all("x" * 1000 not in entry["sql"] and "y" * 1000 not in entry["sql"] for entry in captured.captured_queries)


def test_nothing_is_logged_unless_it_is_asked_for() -> None:
    before = len(connection.queries_log)
    Record.objects.count()
    assert len(connection.queries_log) == before


def test_a_test_case_without_databases_forbids_queries_on_an_open_connection() -> None:
    class Case(SimpleTestCase):
        pass

    Record.objects.count()
    Case.setUpClass()
    try:
        with pytest.raises(DatabaseOperationForbidden, match="Database queries to 'default' are not allowed"):
            Record.objects.count()
        assert Record.objects.none().count() == 0
        assert list(Record.objects.none()) == []
        assert not Record.objects.all()[:0].exists()
        assert list(Record.objects.filter(pk__in=[])) == []
        assert Record.objects.filter(n__in=[]).count() == 0
        assert str(Record.objects.filter(n=1).query).startswith("SELECT")
    finally:
        Case.doClassCleanups()
    assert Record.objects.count() == 0


def test_pytest_forbids_queries_without_its_mark(django_db_blocker: Any) -> None:
    Record.objects.count()
    with django_db_blocker.block(), pytest.raises(RuntimeError, match="Database access not allowed"):
        Record.objects.create()


def test_an_event_loop_forbids_queries() -> None:
    async def create() -> None:
        Record.objects.create()

    Record.objects.count()
    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(create())


def test_the_rows_of_none_are_described_without_a_query() -> None:
    with assertNumRPCs(0):
        assert Record.objects.none().aggregate(total=Sum("n"), rows=Count("pk")) == {"total": None, "rows": 0}
        assert list(Record.objects.none().values("n")) == list(Record.objects.none().values_list("n", flat=True)) == []
        assert list(Record.objects.none().union(Author.objects.none().values("pk"))) == []
        assert Record.objects.none().update(n=1) == Record.objects.none().delete()[0] == 0


def test_a_query_is_readable_as_text() -> None:
    text = str(Record.objects.filter(Q(n=1) | Q(name__startswith="é")).exclude(m=None).order_by("-n").query)
    assert text.startswith("SELECT")
    assert "é" in text
    assert '"records_record"."n" = 1' in text


def test_explain_prints_the_plan_and_runs_nothing() -> None:
    with CaptureQueriesContext(connection) as captured, assertNumRPCs(0):
        text = Record.objects.filter(n=1).exclude(m=2).order_by("name")[:5].explain()
    assert [entry["sql"].split()[:2] for entry in captured.captured_queries] == [["EXPLAIN", "SELECT"]]
    assert "records_record" in text
    assert "n = 1" in text
    assert "RPC" in text


@pytest.mark.parametrize(
    ("queryset", "said"),
    [
        (lambda: Record.objects.none(), "no RPC"),
        (lambda: Record.objects.filter(pk__in=[1, 2]), "Lookup"),
        (lambda: Record.objects.filter(n=1), "Query"),
    ],
)
def test_explain_names_how_rows_are_found(queryset: object, said: str) -> None:
    assert said.lower() in queryset().explain().lower()  # type: ignore[operator]


def test_integers_have_the_range_of_the_store() -> None:
    assert DatabaseOperations.integer_field_ranges["SmallIntegerField"] == (-(2**63), 2**63 - 1)
    assert DatabaseOperations.integer_field_ranges["PositiveIntegerField"] == (0, 2**63 - 1)
    assert DatabaseOperations.integer_field_ranges["BigAutoField"] == (-(2**63) + 1, 2**63 - 1)


def test_a_query_before_the_apps_are_ready_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps, "ready", False)
    with pytest.warns(RuntimeWarning, match="app initialization"):
        assert not Record.objects.exists()


def test_a_connection_that_was_closed_is_not_usable() -> None:
    connection.ensure_connection()
    assert connection.is_usable()
    connection._close()
    assert not connection.is_usable()
    connection.close()
    assert not connection.is_usable()
    assert not Record.objects.exists()
    assert connection.is_usable()


def test_rows_come_at_once_where_they_are_not_to_be_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = Record.objects.all().query.get_compiler(connection=connection)
    assert not isinstance(compiler.execute_sql(chunked_fetch=True), list)
    monkeypatch.setattr(connection.features, "can_use_chunked_reads", False)
    assert compiler.execute_sql(chunked_fetch=True) == []


def test_a_cursor_of_a_query_runs_its_sql() -> None:
    assert Record.objects.filter(n__in=[]).query.get_compiler(connection=connection).execute_sql(CURSOR) is None
    with pytest.raises(NotSupportedError, match=r'execute .SELECT "records_record"'):
        Record.objects.filter(n=1).query.get_compiler(connection=connection).execute_sql(CURSOR)


def test_there_is_no_sql_shell() -> None:
    with pytest.raises(CommandError, match="no SQL shell"):
        call_command("dbshell")


def test_the_system_checks_find_nothing() -> None:
    call_command("check", "records", databases=["default"])
