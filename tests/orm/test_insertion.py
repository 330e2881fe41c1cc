"""What an INSERT does about taken ids, and about a commit that is not answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError
from records.models import Record

from kindstore.core.datamodel import Mutation
from kindstore.core.datamodel.errors import OutcomeUnknown

pytestmark = pytest.mark.usefixtures("namespace")
Commit = Callable[[Sequence[Mutation], Any], Any]


class Unanswered:
    """Commits that are applied before the error, at the next commit, or never."""

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        self.plan: list[str] = []
        self.late: list[Sequence[Mutation]] = []

    def __call__(self, mutations: Sequence[Mutation], transaction: Any) -> Any:
        for earlier in self.late:
            self.commit(earlier, None)
        self.late = []
        fate = self.plan.pop(0) if self.plan else "answered"
        if fate == "answered":
            return self.commit(mutations, transaction)
        if fate == "applied":
            self.commit(mutations, transaction)
        elif fate == "late":
            self.late.append(mutations)
        raise OutcomeUnknown("Nobody answered.")


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Unanswered:
    unanswered = Unanswered(connection.session.store._commit)
    monkeypatch.setattr(connection.session.store, "_commit", unanswered)
    return unanswered


@pytest.mark.parametrize("fates", [["applied"], ["lost"], ["late"], ["lost", "applied"], ["late", "lost"]])
def test_a_row_with_a_drawn_id_is_written_once(commits: Unanswered, fates: list[str]) -> None:
    commits.plan = list(fates)
    record = Record.objects.create(name="once")
    assert list(Record.objects.values_list("pk", "name")) == [(record.pk, "once")]


def test_all_rows_of_a_batch_are_written_once(commits: Unanswered) -> None:
    commits.plan = ["late"]
    Record.objects.bulk_create([Record(n=n) for n in range(5)])
    assert sorted(Record.objects.values_list("n", flat=True)) == [0, 1, 2, 3, 4]


def test_a_row_with_a_given_id_is_reported_as_unknown(commits: Unanswered) -> None:
    commits.plan = ["applied"]
    with pytest.raises(OperationalError, match="Nobody answered"):
        Record.objects.create(pk=5)


def test_an_id_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    Record.objects.create(pk=7, name="first")
    ids = iter([[7], [8]])
    monkeypatch.setattr(connection.session.ids, "take", lambda *_arguments: next(ids))
    assert Record.objects.create(name="second").pk == 8
    assert Record.objects.get(pk=7).name == "first"
