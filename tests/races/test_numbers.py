"""Numbers that many change at once: nothing is lost."""

from __future__ import annotations

import pytest
from bank.models import Account
from django.db import connection

from .racing import ROUNDS, SLOW_ROUNDS, THREADS, may_be_busy, race
from .work import increment, transfer

EACH = 10


@pytest.fixture
def account() -> Account:
    return Account.objects.create(name="contended")


@pytest.fixture
def accounts() -> list[int]:
    return [Account.objects.create(name=f"{number}", balance=100).pk for number in range(6)]


def balances() -> int:
    return sum(Account.objects.values_list("balance", flat=True))


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("field", ["visits", "balance"])
def test_increments_are_all_applied(account: Account, field: str, round_: int) -> None:
    outcomes = race(lambda _number: increment(account.pk, field, EACH))
    account.refresh_from_db()
    assert outcomes.errors == []
    assert getattr(account, field) == THREADS * EACH
    assert may_be_busy(connection) or sum(outcomes.answers) == 0


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_transfers_all_succeed_and_keep_the_sum(accounts: list[int], round_: int) -> None:
    outcomes = race(lambda number: transfer(accounts, 20, number))
    assert outcomes.errors == []
    assert (sum(outcomes.answers), balances()) == (THREADS * 20, 600)


@pytest.mark.parametrize("round_", range(SLOW_ROUNDS))
def test_serializable_transfers_all_succeed_and_keep_the_sum(accounts: list[int], round_: int) -> None:
    outcomes = race(lambda number: transfer(accounts, 5, number, "serializable"), 4)
    assert outcomes.errors == []
    assert (sum(outcomes.answers), balances()) == (20, 600)
