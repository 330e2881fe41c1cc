"""One unique value, wanted by many at once: one row has it, and everybody is told the truth."""

from __future__ import annotations

import pytest
from bank.models import Account, Customer
from django.db import transaction
from django.db.models import F

from kindstore.plugins.transactions import atomic

from .racing import ROUNDS, THREADS, Outcomes, race

pytestmark = pytest.mark.parametrize("round_", range(ROUNDS))


def assert_one_won(outcomes: Outcomes) -> None:
    assert (len(outcomes.errors), outcomes.others) == (THREADS - 1, [])
    assert [account.pk for account in outcomes.answers] == list(Account.objects.filter(name="wanted").values_list("pk", flat=True))


def test_create_makes_one_row_and_the_others_meet_an_integrity_error(round_: int) -> None:
    assert_one_won(race(lambda number: Account.objects.create(name="wanted", visits=number)))


def test_create_in_a_transaction_makes_one_row_and_the_others_meet_an_integrity_error(round_: int) -> None:
    def create(number: int) -> Account:
        with transaction.atomic():
            return Account.objects.create(name="wanted", visits=number)

    assert_one_won(race(create))
    assert Account.objects.count() == 1


def test_save_moves_one_row_to_the_value_and_the_others_meet_an_integrity_error(round_: int) -> None:
    accounts = [Account.objects.create(name=f"own {number}") for number in range(THREADS)]

    def move(number: int) -> Account:
        accounts[number].name = "wanted"
        accounts[number].save()
        return accounts[number]

    assert_one_won(race(move))
    assert Account.objects.count() == THREADS


def test_get_or_create_creates_one_row_and_gives_it_to_all(round_: int) -> None:
    outcomes = race(lambda number: Account.objects.get_or_create(name="wanted", defaults={"visits": number}))
    assert outcomes.errors == []
    assert sum(created for _, created in outcomes.answers) == 1
    assert {account.pk for account, _ in outcomes.answers} == set(Account.objects.values_list("pk", flat=True))


def test_get_or_create_in_a_transaction_that_is_retried_creates_one_row(round_: int) -> None:
    @atomic(retries=100)
    def visit(_number: int) -> None:
        account, _ = Account.objects.get_or_create(name="wanted")
        account.visits += 1
        account.save()

    assert race(visit, 8).errors == []
    assert list(Account.objects.values_list("visits", flat=True)) == [8]


def test_update_or_create_creates_one_row_and_updates_it(round_: int) -> None:
    outcomes = race(lambda number: Account.objects.update_or_create(name="wanted", defaults={"visits": number}))
    assert outcomes.errors == []
    assert sum(created for _, created in outcomes.answers) == 1
    assert {account.pk for account, _ in outcomes.answers} == set(Account.objects.values_list("pk", flat=True))


def test_update_or_create_computes_from_what_the_others_wrote(round_: int) -> None:
    def visit(_number: int) -> None:
        Account.objects.update_or_create(name="wanted", defaults={"visits": F("visits") + 1}, create_defaults={"visits": 1})

    assert race(visit).errors == []
    assert list(Account.objects.values_list("visits", flat=True)) == [THREADS]


def test_update_or_create_keeps_what_others_write_beside_it(round_: int) -> None:
    account = Account.objects.create(name="wanted")

    def write(number: int) -> None:
        if number % 2:
            Account.objects.filter(pk=account.pk).update(balance=F("balance") + 1)
        else:
            Account.objects.update_or_create(name="wanted", defaults={"visits": number})

    assert race(write).errors == []
    assert list(Account.objects.values_list("balance", flat=True)) == [THREADS // 2]


def test_bulk_create_that_ignores_conflicts_creates_each_row_once(round_: int) -> None:
    names = [f"wanted {number}" for number in range(10)]
    outcomes = race(
        lambda number: Account.objects.bulk_create([Account(name=name, visits=number) for name in names], ignore_conflicts=True)
    )
    assert outcomes.errors == []
    assert sorted(Account.objects.values_list("name", flat=True)) == sorted(names)


def test_bulk_create_that_updates_conflicts_creates_each_row_once(round_: int) -> None:
    names = [f"wanted {number}" for number in range(5)]

    def write(number: int) -> list[tuple[int, str]]:
        accounts = [Account(name=name, visits=number) for name in names]
        Account.objects.bulk_create(accounts, update_conflicts=True, unique_fields=["name"], update_fields=["visits"])
        return [(account.pk, account.name) for account in accounts]

    outcomes = race(write)
    assert outcomes.errors == []
    assert {row for rows in outcomes.answers for row in rows} == set(Account.objects.values_list("pk", "name"))
    assert sorted(Account.objects.values_list("name", flat=True)) == sorted(names)
    assert len(set(Account.objects.values_list("visits", flat=True))) == 1


def test_add_relates_two_rows_once(round_: int) -> None:
    account, customers = Account.objects.create(name="joint"), Customer.objects.bulk_create([Customer(name=name) for name in "abc"])
    outcomes = race(lambda _number: account.owners.add(*customers))
    assert outcomes.errors == []
    assert sorted(Account.owners.through.objects.values_list("customer", flat=True)) == sorted(customer.pk for customer in customers)


def test_a_value_that_is_given_up_has_one_heir(round_: int) -> None:
    owner = Account.objects.create(name="wanted")

    def compete(number: int) -> Account | None:
        if number == 0:
            owner.delete()
            return None
        return Account.objects.create(name="wanted", visits=number)

    outcomes = race(compete)
    assert outcomes.others == []
    assert [account.pk for account in outcomes.answers if account] == list(Account.objects.values_list("pk", flat=True))
