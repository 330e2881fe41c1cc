"""What uniqueness costs in RPCs: the number and the kind of them."""

from __future__ import annotations

from collections.abc import Callable

import django
import pytest
from django.db import IntegrityError, connection
from uniques.models import Account, Essay, Shelf, Team

from kindstore.testing import capture_rpcs


@pytest.fixture(params=[["constraints"], ["transactions", "constraints"]], ids=["alone", "transactional"])
def plugins(request: pytest.FixtureRequest) -> list[str]:
    """With and without transactions: Django's own blocks cost nothing more."""
    found: list[str] = request.param
    return found


def is_legacy() -> bool:
    return not connection.session.capabilities.property_masks


def is_transactional() -> bool:
    return connection.features.supports_transactions


def assert_rpcs(run: Callable[[], object], expected: list[str]) -> None:
    with capture_rpcs() as rpcs:
        run()
    assert rpcs.methods == expected, rpcs


@pytest.fixture
def account() -> Account:
    return Account.objects.create(email="a@x.org", handle="a")


def test_creating_a_row_with_two_unique_fields_takes_one_commit() -> None:
    assert_rpcs(lambda: Account.objects.create(email="a@x.org", handle="a"), ["Commit"])


def test_creating_rows_in_bulk_takes_one_commit() -> None:
    assert_rpcs(lambda: Account.objects.bulk_create(Account(email=f"{number}") for number in range(10)), ["Commit"])


def test_saving_a_row_whose_values_did_not_change_reads_it_and_commits(account: Account) -> None:
    assert_rpcs(account.save, ["Lookup", "Commit"])


def test_moving_a_value_reads_the_row_and_commits(account: Account) -> None:
    account.email = "b@x.org"
    assert_rpcs(account.save, ["Lookup", "Commit"])


def test_saving_other_columns_only_reads_nothing_where_the_store_can_do_that(account: Account) -> None:
    account.visits = 3
    assert_rpcs(lambda: account.save(update_fields=["visits"]), ["Lookup", "Commit"] if is_legacy() else ["Commit"])


def test_a_conflict_costs_the_look_at_the_marker_and_its_row(account: Account) -> None:  # noqa: ARG001
    def run() -> None:
        with pytest.raises(IntegrityError):
            Account.objects.create(email="a@x.org")

    assert_rpcs(run, ["Commit", "Lookup", "Lookup"])


def test_deleting_a_row_takes_two() -> None:
    assert_rpcs(Essay.objects.create(text="a").delete, ["Lookup", "Commit"])


@pytest.mark.filterwarnings("ignore::kindstore.plugins.transactions.errors.SplitTransactionWarning")
def test_deleting_a_hundred_rows_takes_two_where_a_commit_holds_them() -> None:
    Shelf.objects.bulk_create(Shelf(position=number) for number in range(100))
    looks = ["Lookup"] * (is_legacy() and is_transactional())  # a query of the legacy store may give an old version
    assert_rpcs(lambda: Shelf.objects.all().delete(), ["RunQuery", *looks, *["Commit"] * (12 if is_legacy() else 1)])


def test_get_or_create_that_creates_takes_a_query_and_a_commit() -> None:
    looks = ["Lookup"] * is_transactional()  # for the marker, so that the statement can tell
    assert_rpcs(lambda: Account.objects.get_or_create(email="a@x.org"), ["RunQuery", *looks, "Commit"])


def test_passing_over_rows_that_are_there_takes_a_look_at_their_markers(account: Account) -> None:  # noqa: ARG001
    new, old = Account(email="b@x.org"), Account(email="a@x.org")
    assert_rpcs(lambda: Account.objects.bulk_create([new], ignore_conflicts=True), ["Lookup", "Commit"])
    assert_rpcs(lambda: Account.objects.bulk_create([old], ignore_conflicts=True), ["Lookup", "Lookup"])


def test_updating_rows_that_are_there_reads_them_too(account: Account) -> None:  # noqa: ARG001
    rows = [Account(email="b@x.org"), Account(email="a@x.org", visits=3)]
    assert_rpcs(
        lambda: Account.objects.bulk_create(rows, update_conflicts=True, update_fields=["visits"], unique_fields=["email"]),
        [*["Lookup"] * (2 if is_transactional() and django.VERSION < (6, 0) else 3), "Commit"],  # a transaction remembers what it has read
    )


def test_adding_to_a_many_to_many_relation_reads_the_markers_and_commits(account: Account) -> None:
    team = Team.objects.create(name="a")
    assert_rpcs(lambda: team.members.add(account), ["Lookup", "Commit"])
    assert_rpcs(lambda: team.members.add(account), ["Lookup", "Lookup"])
    assert Team.members.through.objects.count() == 1
