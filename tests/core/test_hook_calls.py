"""No hook is called for a row: the number of calls does not depend on the number of rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from records.models import Author

ROWS = 1000
pytestmark = pytest.mark.filterwarnings("ignore::kindstore.plugins.transactions.SplitTransactionWarning")  # of a store with small commits


@pytest.fixture(autouse=True)
def traced(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: ARG001
    """Log each hook call."""
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {**connection.settings_dict["OPTIONS"], "trace_plugins": True})
    connection.close()
    yield
    connection.close()


@pytest.fixture
def calls_of(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[], object]], int]:
    """Count the hook calls of an action."""

    def count(action: Callable[[], object]) -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="kindstore.plugins"):
            action()
        return len([message for message in caplog.messages if " -> " in message])

    return count


def write(rows: int, prefix: str = "") -> None:
    Group.objects.bulk_create([Group(name=f"{prefix}{number}") for number in range(rows)])


def test_reading_a_thousand_rows_calls_as_many_hooks_as_reading_one(calls_of: Callable[[Callable[[], object]], int]) -> None:
    write(ROWS)
    first = calls_of(lambda: list(Group.objects.all()[:1]))
    assert len(Group.objects.all()) == ROWS
    assert calls_of(lambda: list(Group.objects.all())) == 0
    assert first < 20


def test_writing_a_thousand_rows_calls_as_many_hooks_as_writing_one(calls_of: Callable[[Callable[[], object]], int]) -> None:
    first = calls_of(lambda: write(1))
    assert 0 < first < 20
    assert calls_of(lambda: write(ROWS, "another ")) == 0


def test_updating_a_thousand_rows_calls_no_hook_once_the_model_is_known(calls_of: Callable[[Callable[[], object]], int]) -> None:
    Author.objects.bulk_create([Author(name=str(number)) for number in range(ROWS)])
    assert Author.objects.filter(name="7").update(name="seven") == 1
    assert calls_of(lambda: Author.objects.filter(name__gte="0").update(name="x")) == 0


def test_the_tracing_sees_calls_at_all(calls_of: Callable[[Callable[[], object]], int]) -> None:
    assert calls_of(lambda: connection.plugins.system_checks()) > 0
