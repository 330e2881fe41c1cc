"""Namespaces: each alias, and each tenant of a callable, sees its own rows alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.utils import DatabaseError
from records.models import Author, Record


@pytest.fixture
def archive(namespace: str) -> Iterator[str]:
    """A second alias on the same store."""
    entry = {**connection.settings_dict, "NAMESPACE": f"archive-{uuid4().hex}"}
    connections.settings["archive"] = connections.configure_settings({**connections.settings, "archive": entry})["archive"]
    yield "archive"
    connections["archive"].close()
    del connections["archive"], connections.settings["archive"]


@pytest.fixture
def tenants(monkeypatch: pytest.MonkeyPatch, namespace: str) -> Any:
    """A list whose last item names the tenant of the moment."""
    names: list[str] = ["a"]
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", lambda: f"{namespace}-{names[-1]}")
    connection.close()
    return names


def test_the_same_key_is_another_row_in_another_alias(archive: str) -> None:
    Record.objects.create(pk=1, name="here")
    Record.objects.using(archive).create(pk=1, name="there")
    Record.objects.filter(pk=1).update(n=1)
    assert Record.objects.using(archive).values_list("name", "n").get() == ("there", 0)
    Record.objects.all().delete()
    assert Record.objects.using(archive).count() == 1


def test_a_row_is_saved_into_another_alias(archive: str) -> None:
    row = Record.objects.create(pk=1, name="moved")
    row.save(using=archive)
    row.delete(using="default")
    assert not Record.objects.exists()
    assert Record.objects.using(archive).get(pk=1).name == "moved"


def test_an_inner_query_of_another_alias_is_refused(archive: str) -> None:
    inner = Author.objects.using(archive).values("pk")
    with pytest.raises(ValueError, match=r"'default'.*'archive'"):
        list(Record.objects.filter(author__in=inner))


def test_a_callable_is_asked_at_each_statement(tenants: list[str]) -> None:
    Record.objects.create(pk=1, name="of a")
    rows = Record.objects.all()
    tenants.append("b")
    assert list(rows) == []
    Record.objects.create(pk=1, name="of b")
    tenants.append("a")
    assert [row.name for row in Record.objects.filter(pk=1)] == ["of a"]
    assert Record.objects.update(n=5) == 1
    tenants.append("b")
    assert Record.objects.get().n == 0


def test_a_callable_that_returns_no_string_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", lambda: None)
    connection.close()
    with pytest.raises(DatabaseError, match=r"NAMESPACE.*must return a string"):
        Record.objects.count()


def test_a_namespace_that_the_store_does_not_allow_is_refused(tenants: list[str]) -> None:
    tenants.append("no blanks, please")
    with pytest.raises(DatabaseError, match="namespace"):
        Record.objects.create()


def test_flushing_a_kind_leaves_other_namespaces(tenants: list[str]) -> None:
    Record.objects.create(pk=1)
    tenants.append("b")
    Record.objects.create(pk=2)
    connection.ops.execute_sql_flush(connection.ops.sql_flush(None, ["records_record"]))
    assert not Record.objects.exists()
    tenants.append("a")
    assert Record.objects.count() == 1
