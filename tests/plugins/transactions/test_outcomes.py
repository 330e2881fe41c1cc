"""A commit that is not answered: it is settled where an entity tells whether it was applied, and else reported as unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import F
from records.models import Record

from kindstore.core.datamodel.errors import Contention, OutcomeUnknown, Unavailable
from kindstore.plugins.transactions import TransactionFailedError, atomic

from .blocks import fails

pytestmark = pytest.mark.usefixtures("no_pauses")
Losing = Callable[..., None]


@pytest.fixture
def plugins() -> list[str]:
    return ["transactions", "constraints"]


@pytest.fixture
def options() -> dict[str, Any]:
    """Draw ids at random: nobody else has an entity of such a key."""
    return {}


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Losing:
    """Return a function that has the next commits lose their answers, after they were applied or before."""
    store = connection.session.store
    commit, waiting = store._commit, []  # type: ignore[var-annotated]

    def commit_and_lose(mutations: Any, in_store: Any) -> Any:
        lost = waiting.pop(0) if waiting else None
        results = None if lost == "before" else commit(mutations, in_store)
        if lost is not None:
            raise OutcomeUnknown("The answer was lost.")
        return results

    monkeypatch.setattr(store, "_commit", commit_and_lose)
    return lambda *when: waiting.extend(when)


WHEN = pytest.mark.parametrize("when", [("after",), ("before",), ("before", "after"), ("before", "before")], ids="-".join)


@WHEN
def test_a_block_that_inserts_a_row_of_a_drawn_id_is_settled(losing: Losing, when: tuple[str, ...]) -> None:
    Record.objects.create(pk=1, n=1)
    losing(*when)
    with transaction.atomic():
        Record.objects.filter(pk=1).update(n=F("n") + 1)
        Record.objects.create(name="new")
    assert Record.objects.get(pk=1).n == 2
    assert Record.objects.filter(name="new").count() == 1


@WHEN
def test_a_block_that_inserts_a_unique_value_is_settled(losing: Losing, when: tuple[str, ...]) -> None:
    Record.objects.create(pk=1, n=1)
    losing(*when)
    with transaction.atomic():
        Record.objects.filter(pk=1).update(n=F("n") + 1)
        Group.objects.create(pk=5, name="editors")
    assert Record.objects.get(pk=1).n == 2
    assert Group.objects.get().name == "editors"


@WHEN
def test_a_block_that_moves_a_unique_value_is_settled(losing: Losing, when: tuple[str, ...]) -> None:
    Group.objects.create(pk=5, name="editors")
    losing(*when)
    with transaction.atomic():
        Group.objects.filter(pk=5).update(name="writers")
    assert Group.objects.get().name == "writers"
    Group.objects.create(name="editors")


@pytest.mark.parametrize(("when", "n"), [("after", 2), ("before", 1)])
def test_a_block_of_which_nothing_tells_is_reported_as_unknown(losing: Losing, when: str, n: int) -> None:
    Record.objects.create(pk=1, n=1)
    losing(when)
    with fails(OutcomeUnknown), transaction.atomic():
        row = Record.objects.get(pk=1)
        row.n += 1
        row.save()
    assert Record.objects.get(pk=1).n == n


@pytest.mark.parametrize(("when", "exists"), [("after", False), ("before", True)])
def test_a_delete_of_which_nothing_tells_is_reported_as_unknown(losing: Losing, when: str, exists: bool) -> None:
    Record.objects.create(pk=1, n=1)
    losing(when)
    with fails(OutcomeUnknown), transaction.atomic():
        Record.objects.get(pk=1).delete()
    assert Record.objects.filter(pk=1).exists() is exists


def test_an_unknown_outcome_is_no_reason_to_run_a_function_again(losing: Losing) -> None:
    Record.objects.create(pk=1, n=1)
    attempts: list[int] = []

    @atomic(retries=3)
    def increment() -> None:
        attempts.append(1)
        row = Record.objects.get(pk=1)
        row.n += 1
        row.save()

    losing("after")
    with pytest.raises(OutcomeUnknown):
        increment()
    assert (len(attempts), Record.objects.get(pk=1).n) == (1, 2)


def test_hooks_do_not_run_after_an_unknown_outcome(losing: Losing) -> None:
    Record.objects.create(pk=1, n=1)
    calls: list[int] = []
    losing("after")
    with fails(OutcomeUnknown), transaction.atomic():
        row = Record.objects.get(pk=1)
        row.save()
        transaction.on_commit(lambda: calls.append(1))
    assert calls == []


def test_after_an_unknown_outcome_the_connection_works(losing: Losing) -> None:
    Record.objects.create(pk=1, n=1)
    losing("before")
    with fails(OutcomeUnknown), transaction.atomic():
        Record.objects.get(pk=1).save()
    with transaction.atomic():
        Record.objects.create(name="next")
    assert Record.objects.count() == 2


def refusing(monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
    """Have the store refuse the next commits."""
    store = connection.session.store
    commit, waiting = store._commit, list(errors)

    def commit_or_refuse(mutations: Any, in_store: Any) -> Any:
        if waiting:
            raise waiting.pop(0)
        return commit(mutations, in_store)

    monkeypatch.setattr(store, "_commit", commit_or_refuse)


def test_a_commit_that_the_store_gave_up_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, Contention("Aborted."), Contention("Aborted."))
    with transaction.atomic():
        Record.objects.create(name="one")
    assert Record.objects.count() == 1


def test_a_serializable_commit_that_the_store_gave_up_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    Record.objects.create(pk=1, n=1)
    refusing(monkeypatch, Contention("Aborted."))
    with fails(TransactionFailedError), atomic(isolation="serializable"):
        row = Record.objects.get(pk=1)
        row.n += 1
        row.save()
    assert Record.objects.get(pk=1).n == 1


def test_a_store_that_cannot_be_reached_is_no_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, Unavailable("Not there."))
    with fails(Unavailable), transaction.atomic():
        Record.objects.create(name="one")
    assert Record.objects.count() == 0
