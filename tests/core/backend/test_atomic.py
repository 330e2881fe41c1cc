"""`atomic` without a plugin that manages transactions: it sequences statements, as docs/explanation/transactions.md says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::kindstore.core.warnings.NoTransactionsWarning"),
    pytest.mark.filterwarnings(
        "ignore::kindstore.plugins.transactions.SplitTransactionWarning"
    ),  # of the flush, on a store with small commits
]


@pytest.fixture(autouse=True)
def without_transactions(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: ARG001
    """Let the store that the fixture of pytest-django empties have no plugin that manages transactions."""
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", ["relational"])
    connection.close()
    yield
    connection.close()


@pytest.fixture
def calls() -> list[str]:
    return []


def write_and_fail() -> None:
    with transaction.atomic():
        Group.objects.create(name="kept")
        raise RuntimeError


def test_it_does_not_roll_back() -> None:
    with pytest.raises(RuntimeError):
        write_and_fail()
    assert Group.objects.filter(name="kept").exists()


def test_the_backend_says_so() -> None:
    assert connection.features.supports_transactions is False
    assert connection.features.uses_savepoints is False


def test_on_commit_runs_at_the_end_of_the_outermost_block(calls: list[str]) -> None:
    with transaction.atomic():
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("committed"))
        assert calls == []
    assert calls == ["committed"]


def test_on_commit_does_not_run_when_the_block_raises(calls: list[str]) -> None:
    def register_and_fail() -> None:
        with transaction.atomic():
            transaction.on_commit(lambda: calls.append("committed"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        register_and_fail()
    with transaction.atomic():
        pass
    assert calls == []


def test_select_for_update_takes_no_lock() -> None:
    Group.objects.create(name="free")
    with transaction.atomic():
        assert Group.objects.select_for_update().get().name == "free"


def test_one_statement_keeps_all_or_nothing() -> None:
    Group.objects.create(pk=2, name="taken")
    with pytest.raises(IntegrityError):
        Group.objects.bulk_create([Group(pk=1, name="one"), Group(pk=2, name="two")])
    assert list(Group.objects.values_list("name", flat=True)) == ["taken"]


@override_settings(DEBUG=True)
def test_a_block_costs_no_request_of_its_own() -> None:
    connection.queries_log.clear()
    with transaction.atomic(), transaction.atomic():
        Group.objects.create(name="one")
    rpcs = [(entry["sql"].split()[0], [text.split()[0] for text in entry["rpcs"]]) for entry in connection.queries_log]
    assert rpcs == [("INSERT", ["RunQuery", "Commit"])]  # the first asks for the next id
