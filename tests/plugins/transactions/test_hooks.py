"""What is to run on commit runs once, in order, after the commit, and never after a rollback."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from records.models import Record

from kindstore.plugins.transactions import TransactionFailedError, atomic, non_atomic

from .blocks import Stop, fails


@pytest.fixture
def calls() -> list[Any]:
    return []


def test_hooks_run_in_order_after_the_commit(calls: list[Any]) -> None:
    with transaction.atomic():
        Record.objects.create()
        transaction.on_commit(lambda: calls.append(("first", Record.objects.count())))
        transaction.on_commit(lambda: calls.append(("second", connection.in_atomic_block)))
        assert calls == []
    assert calls == [("first", 1), ("second", False)]


def test_a_hook_outside_a_transaction_runs_at_once(calls: list[Any]) -> None:
    transaction.on_commit(lambda: calls.append(1))
    assert calls == [1]


def test_hooks_of_nested_blocks_run_once_at_the_end_of_the_outermost(calls: list[Any]) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append("outer"))
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("inner"))
        assert calls == []
    assert calls == ["outer", "inner"]


def test_hooks_of_a_nested_block_that_was_undone_are_dropped(calls: list[Any]) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append("outer"))
        with suppress(Stop), transaction.atomic():
            transaction.on_commit(lambda: calls.append("inner"))
            raise Stop
    assert calls == ["outer"]


def test_hooks_are_dropped_on_rollback(calls: list[Any]) -> None:
    with suppress(Stop), transaction.atomic():
        transaction.on_commit(lambda: calls.append(1))
        raise Stop
    with transaction.atomic():
        pass
    assert calls == []


def test_hooks_are_dropped_where_the_block_is_marked_for_rollback(calls: list[Any]) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append(1))
        transaction.set_rollback(True)
    assert calls == []


@pytest.mark.usefixtures("five")
def test_hooks_are_dropped_where_the_commit_fails(calls: list[Any], interfering: Any) -> None:
    interfering(lambda: Record.objects.filter(pk=1).update(n=100))
    with fails(TransactionFailedError), transaction.atomic():
        row = Record.objects.get(pk=1)
        transaction.on_commit(lambda: calls.append(1))
        row.save()
    with transaction.atomic():
        pass
    assert calls == []


@pytest.mark.usefixtures("five")
def test_hooks_run_once_however_often_the_function_is_run_again(calls: list[Any], interfering: Any) -> None:
    attempts: list[int] = []

    @atomic(retries=3)
    def increment() -> None:
        attempts.append(1)
        row = Record.objects.get(pk=1)
        transaction.on_commit(lambda: calls.append("committed"))
        row.n += 1
        row.save()

    interfering(lambda: Record.objects.filter(pk=1).update(n=100), lambda: Record.objects.filter(pk=1).update(n=200))
    increment()
    assert (len(attempts), calls) == (3, ["committed"])
    assert Record.objects.get(pk=1).n == 201


def test_a_robust_hook_that_fails_does_not_stop_the_others(calls: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise Stop

    with caplog.at_level(logging.ERROR, "django.db.backends.base"), transaction.atomic():
        transaction.on_commit(fail, robust=True)
        transaction.on_commit(lambda: calls.append("next"))
    assert calls == ["next"]
    assert "Error calling" in caplog.text


def test_a_hook_that_fails_does_not_undo_the_commit(calls: list[Any]) -> None:
    def fail() -> None:
        raise Stop

    with suppress(Stop), transaction.atomic():
        Record.objects.create()
        transaction.on_commit(fail)
        transaction.on_commit(lambda: calls.append("next"))
    assert (Record.objects.count(), calls) == (1, [])


def test_a_hook_may_open_a_transaction() -> None:
    def create() -> None:
        with transaction.atomic():
            Record.objects.create(name="by the hook")

    with transaction.atomic():
        Record.objects.create(name="by the block")
        transaction.on_commit(create)
    assert Record.objects.count() == 2


def test_hooks_of_an_independent_block_run_at_its_end_and_outlive_the_outer_rollback(calls: list[Any]) -> None:
    with suppress(Stop), transaction.atomic():
        transaction.on_commit(lambda: calls.append("outer"))
        with atomic(independent=True):
            transaction.on_commit(lambda: calls.append("independent"))
            assert calls == []
        assert calls == ["independent"]
        raise Stop
    assert calls == ["independent"]


def test_the_outer_hooks_are_there_after_an_independent_block(calls: list[Any]) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append("outer"))
        with suppress(Stop), atomic(independent=True):
            transaction.on_commit(lambda: calls.append("independent"))
            raise Stop
        assert calls == []
    assert calls == ["outer"]


def test_a_hook_of_a_non_atomic_block_runs_at_once(calls: list[Any]) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append("outer"))
        with non_atomic():
            transaction.on_commit(lambda: calls.append("non-atomic"))
            assert calls == ["non-atomic"]
    assert calls == ["non-atomic", "outer"]


def test_a_task_is_enqueued_only_if_the_transaction_is_committed(calls: list[Any]) -> None:
    def enqueue(task: str) -> None:
        """Enqueue a task as a queue that knows transactions does."""
        transaction.on_commit(lambda: calls.append(task))

    with suppress(Stop), transaction.atomic():
        enqueue("of a rollback")
        raise Stop
    with transaction.atomic():
        enqueue("of a commit")
        assert calls == []
    assert calls == ["of a commit"]
