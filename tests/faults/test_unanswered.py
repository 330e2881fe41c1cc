"""A commit that is not answered, and what follows it, told apart case by case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from bank.models import Account
from django.db import OperationalError, connection

from kindstore.core.datamodel.errors import Contention, OutcomeUnknown, Unavailable

pytestmark = pytest.mark.usefixtures("namespace")
Step = Callable[[Any, Sequence[Any]], Any]


def lost(_commit: Any, _mutations: Any) -> Any:
    raise OutcomeUnknown("Nobody answered.")


def applied(commit: Any, mutations: Any) -> Any:
    commit(mutations, None)
    raise OutcomeUnknown("Nobody answered.")


def unavailable(_commit: Any, _mutations: Any) -> Any:
    raise Unavailable("Nobody is there.")


def aborted(_commit: Any, _mutations: Any) -> Any:
    raise Contention("Another one was faster.")


def overtaken(commit: Any, mutations: Any) -> Any:
    """Let somebody else have the value first."""
    commits = connection.session.store
    ours, commits._commit = commits._commit, commit
    try:
        Account.objects.create(name="wanted", visits=99)
    finally:
        commits._commit = ours
    return commit(mutations, None)


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """What becomes of the next commits; those after them are answered."""
    steps: list[Step] = []
    store = connection.session.store
    commit = store._commit
    monkeypatch.setattr(
        store, "_commit", lambda mutations, in_store: steps.pop(0)(commit, mutations) if steps else commit(mutations, in_store)
    )
    return steps


@pytest.mark.parametrize("then", [unavailable, overtaken], ids=["unavailable", "overtaken"])
def test_what_fails_after_it_leaves_the_outcome_unknown(fates: list[Step], then: Step) -> None:
    fates += [lost, then]
    with pytest.raises(OutcomeUnknown, match="Nobody answered"):
        Account.objects.create(name="wanted")


@pytest.mark.parametrize("following", [[], [aborted], [aborted, lost, aborted]], ids=["nothing", "contention", "both"])
@pytest.mark.parametrize("first", [lost, applied])
def test_a_row_with_a_unique_value_is_written_once(fates: list[Step], first: Step, following: list[Step]) -> None:
    fates += [first, *following]
    account = Account.objects.create(name="wanted")
    assert list(Account.objects.values_list("pk", "name")) == [(account.pk, "wanted")]


@pytest.mark.parametrize("first", [lost, applied])
def test_a_value_is_moved_once(fates: list[Step], first: Step) -> None:
    account = Account.objects.create(name="old")
    fates += [first, aborted]
    assert Account.objects.filter(pk=account.pk).update(name="new") == 1
    assert list(Account.objects.values_list("name", flat=True)) == ["new"]


def test_an_update_that_nothing_tells_of_is_unknown(fates: list[Step]) -> None:
    account = Account.objects.create(name="wanted")
    fates += [applied]
    with pytest.raises(OperationalError, match="Nobody answered"):
        Account.objects.filter(pk=account.pk).update(visits=5)
    assert list(Account.objects.values_list("visits", flat=True)) == [5]
