"""update_or_create() when somebody else writes between its reading and its commit, told apart case by case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bank.models import Account
from django.db import connection, transaction
from django.db.models import F
from django.db.models.signals import post_save

from kindstore.plugins.transactions import TransactionFailedError, non_atomic
from kindstore.testing import capture_rpcs


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Have something done just before the next commit."""

    def do(work: Callable[[], Any]) -> None:
        store = connection.session.store
        commit = store._commit

        def commit_late(mutations: Any, in_store: Any) -> Any:
            monkeypatch.setattr(store, "_commit", commit)
            work()
            return commit(mutations, in_store)

        monkeypatch.setattr(store, "_commit", commit_late)

    return do


@pytest.fixture
def refusing() -> Iterator[None]:
    """Refuse every row after it has been saved."""

    def refuse(**_signal: Any) -> None:
        raise ValueError("refused")

    post_save.connect(refuse, Account)
    yield
    post_save.disconnect(refuse, Account)


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="wanted", visits=1)


def visit(by: int = 1) -> tuple[Account, bool]:
    return Account.objects.update_or_create(name="wanted", defaults={"visits": F("visits") + by}, create_defaults={"visits": by})


def test_a_row_that_somebody_creates_first_is_updated(meanwhile: Any) -> None:
    meanwhile(lambda: Account.objects.create(name="wanted", visits=10))
    assert not visit()[1]
    assert list(Account.objects.values_list("visits", flat=True)) == [11]


def test_a_row_that_somebody_updates_first_is_updated_from_what_it_is_then(meanwhile: Any, account: Account) -> None:
    meanwhile(lambda: Account.objects.filter(pk=account.pk).update(visits=10))
    visit()
    assert list(Account.objects.values_list("visits", flat=True)) == [11]


def test_a_row_that_somebody_deletes_first_makes_it_fail(meanwhile: Any, account: Account) -> None:
    meanwhile(lambda: Account.objects.filter(pk=account.pk).delete())
    with pytest.raises(TransactionFailedError, match="Run it again"):
        visit()


def test_a_save_of_the_whole_row_does_not_undo_what_somebody_wrote(
    meanwhile: Any, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "note", property(lambda self: "", lambda self, value: None), raising=False)
    meanwhile(lambda: Account.objects.filter(pk=account.pk).update(balance=5))
    with pytest.raises(TransactionFailedError, match="Run it again"):
        Account.objects.update_or_create(name="wanted", defaults={"visits": 2, "note": "no column"})
    assert list(Account.objects.values_list("visits", "balance")) == [(1, 5)]


def test_a_value_that_is_already_there_is_written_all_the_same(meanwhile: Any, account: Account) -> None:
    meanwhile(lambda: Account.objects.filter(pk=account.pk).update(visits=10))
    Account.objects.update_or_create(name="wanted", defaults={"visits": 1})
    assert list(Account.objects.values_list("visits", flat=True)) == [1]


@pytest.mark.usefixtures("refusing")
def test_a_creation_that_a_receiver_refuses_is_rolled_back() -> None:
    with pytest.raises(ValueError, match="refused"):
        visit()
    assert not Account.objects.exists()


def test_an_update_that_a_receiver_refuses_is_rolled_back(account: Account, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("refusing")
    with pytest.raises(ValueError, match="refused"):
        visit()
    assert list(Account.objects.values_list("visits", flat=True)) == [1]


def test_inside_a_block_nothing_is_committed_before_its_end() -> None:
    with transaction.atomic():
        visit()
        with non_atomic():
            assert not Account.objects.exists()
        transaction.set_rollback(True)
    assert not Account.objects.exists()


def test_a_creation_takes_one_commit() -> None:
    with capture_rpcs() as rpcs:
        visit()
    assert [rpc.method for rpc in rpcs if rpc.method == "Commit"] == ["Commit"]


def test_an_update_takes_one_commit(account: Account) -> None:
    with capture_rpcs() as rpcs:
        visit()
    assert [rpc.method for rpc in rpcs if rpc.method == "Commit"] == ["Commit"]
