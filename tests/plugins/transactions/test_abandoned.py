"""A transaction of the store that was not committed is rolled back: it holds no lock that others would have to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from records.models import Record

from kindstore.plugins.transactions import atomic

from .blocks import Elsewhere, Stop

pytestmark = pytest.mark.usefixtures("five")
AT_ONCE = 1.5  # seconds; a lock that nobody gives back is waited for two seconds on Firestore, and kept for sixty


def seconds_to_change(elsewhere: Elsewhere) -> float:
    """Return how long somebody else waits who writes what the abandoned transaction has read."""
    start = time.monotonic()
    assert elsewhere(lambda: Record.objects.filter(pk=1).update(n=100)) == 1
    return time.monotonic() - start


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit, DatabaseError])
def test_after_an_exception(elsewhere: Elsewhere, error: type[BaseException]) -> None:
    with suppress(error), atomic(isolation="serializable"):
        Record.objects.get(pk=1)
        raise error
    assert seconds_to_change(elsewhere) < AT_ONCE


def test_after_an_exception_in_a_query_that_was_read_in_part(elsewhere: Elsewhere) -> None:
    with suppress(Stop), atomic(isolation="serializable", query_outside=True):
        next(Record.objects.iterator(chunk_size=2))
        Record.objects.get(pk=1)
        raise Stop
    assert seconds_to_change(elsewhere) < AT_ONCE


def test_after_a_mark_for_rollback(elsewhere: Elsewhere) -> None:
    with atomic(isolation="serializable"):
        Record.objects.get(pk=1)
        transaction.set_rollback(True)
    assert seconds_to_change(elsewhere) < AT_ONCE


def test_after_a_block_that_only_read(elsewhere: Elsewhere) -> None:
    with atomic(isolation="serializable"):
        Record.objects.get(pk=1)
    assert seconds_to_change(elsewhere) < AT_ONCE


def test_after_the_connection_was_closed_inside_the_block(elsewhere: Elsewhere) -> None:
    with atomic(isolation="serializable"):
        Record.objects.get(pk=1)
        connection.close()
        assert seconds_to_change(elsewhere) < AT_ONCE


def test_after_the_connection_was_closed_inside_an_independent_block(elsewhere: Elsewhere) -> None:
    with suppress(DatabaseError), atomic(isolation="serializable"):
        Record.objects.get(pk=1)
        with atomic(isolation="serializable", independent=True):
            Record.objects.get(pk=2)
            connection.close()
            assert seconds_to_change(elsewhere) < AT_ONCE


def test_after_a_commit_that_failed(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any) -> Any:
        raise DatabaseError("No.")

    with monkeypatch.context() as patch, suppress(DatabaseError), atomic(isolation="serializable"):
        row = Record.objects.get(pk=1)
        row.save()
        patch.setattr(connection.session.store, "_commit", refuse)
    assert seconds_to_change(elsewhere) < AT_ONCE


def in_thread(function: Callable[[], Any], blocker: Any) -> None:
    """Run a function in a thread that ends without closing its connections."""

    def run() -> None:
        with blocker.unblock():
            function()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_after_the_end_of_the_thread_that_left_a_block_open(elsewhere: Elsewhere, django_db_blocker: Any) -> None:
    left: list[Any] = []  # so that it is the thread's end, and not that nobody refers to the block

    def leave_open() -> None:
        block = atomic(isolation="serializable")
        left.append((block, block.__enter__(), connections["default"]))
        Record.objects.get(pk=1)

    in_thread(leave_open, django_db_blocker)
    assert seconds_to_change(elsewhere) < AT_ONCE


def test_a_lock_that_is_held_is_waited_for(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the others would see if nothing were rolled back, on the store that has locks."""
    from kindstore.core.session import committing

    monkeypatch.setattr(committing, "ATTEMPTS", 1)
    if connection.session.capabilities.queries_in_transactions and connection.settings_dict["ENGINE"].endswith("firestore_datastore_mode"):
        with atomic(isolation="serializable"):
            Record.objects.get(pk=1)
            start = time.monotonic()
            with pytest.raises(DatabaseError):
                elsewhere(lambda: Record.objects.filter(pk=1).update(n=100))
            assert time.monotonic() - start > AT_ONCE
    assert Record.objects.get(pk=1).n == 1
