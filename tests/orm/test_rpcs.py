"""Each operation takes the RPCs that the documentation promises: their number and their kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.utils import NotSupportedError
from records.models import Record

from kindstore.testing import capture_rpcs

from .rpc_table import AGGREGATES, OPERATIONS, ROWS, Operation, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "rpcs.md"


@pytest.fixture(autouse=True)
def random_ids(monkeypatch: pytest.MonkeyPatch, namespace: str) -> None:
    """Use the ids that projects use: those of tests ask the store first."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    connection.close()


@pytest.fixture
def rows() -> None:
    Record.objects.bulk_create(Record(id=i, name=f"row {i}", n=i % 10) for i in range(1, ROWS + 1))


def expected(operation: Operation) -> tuple[str, ...]:
    return operation.legacy if connection.session.capabilities.disjunctions == 1 else operation.rich


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_takes_the_rpcs_of_the_table(operation: Operation) -> None:
    run = operation.prepare()
    with capture_rpcs() as rpcs:
        run()
    assert tuple(rpcs.methods) == expected(operation), rpcs


@pytest.mark.usefixtures("rows")
def test_sums_and_averages_take_one_rpc_each() -> None:
    aggregates = AGGREGATES.prepare()
    with capture_rpcs() as rpcs:
        if connection.session.capabilities.aggregations:
            aggregates()
        else:
            with pytest.raises(NotSupportedError, match="'relational'"):
                aggregates()
    assert tuple(rpcs.methods) == (AGGREGATES.rich if connection.session.capabilities.aggregations else ())


def test_the_documentation_has_the_table_that_is_asserted() -> None:
    assert table() in DOCUMENT.read_text()


@pytest.fixture
def hook_calls(monkeypatch: pytest.MonkeyPatch, rows: None, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], int]]:
    """Count the hook calls that follow the first read and the first write of a model."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"trace_plugins": True})
    connection.close()
    with caplog.at_level(logging.DEBUG, "kindstore.plugins"):
        Record.objects.first()
        Record.objects.create()
        assert any(record.name == "kindstore.plugins" for record in caplog.records)
        caplog.clear()
        yield lambda: sum(record.name == "kindstore.plugins" for record in caplog.records)


def test_no_hook_is_called_while_rows_are_read(hook_calls: Callable[[], int]) -> None:
    assert len(list(Record.objects.all())) == ROWS + 1
    assert hook_calls() == 0


def test_no_hook_is_called_while_rows_are_written(hook_calls: Callable[[], int]) -> None:
    Record.objects.bulk_create([Record() for _ in range(100)])
    assert hook_calls() == 0
