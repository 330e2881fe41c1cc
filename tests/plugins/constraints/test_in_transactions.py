"""Unique values inside `atomic`: conflicts at the statement, and nothing left of what is rolled back."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import IntegrityError, connection, transaction
from uniques.models import Account, Booking, Tagged, Team

from kindstore.core.datamodel import Entity, Key
from kindstore.testing import capture_rpcs

Markers = Callable[[], dict[Key, Entity]]


@pytest.fixture
def plugins() -> list[str]:
    return ["transactions", "constraints"]


def owners(markers: dict[Key, Entity]) -> list[object]:
    return sorted(each.properties["owner"].id_or_name for each in markers.values())  # type: ignore[union-attr]


def test_a_block_that_is_rolled_back_leaves_the_value_free(markers: Markers) -> None:
    with transaction.atomic():
        Account.objects.create(email="a", handle="a")
        transaction.set_rollback(True)
    assert markers() == {}
    Account.objects.create(email="a", handle="a")


def test_a_savepoint_that_is_rolled_back_leaves_the_value_free(markers: Markers) -> None:
    with transaction.atomic():
        with transaction.atomic():
            Account.objects.create(id=1, email="a")
            transaction.set_rollback(True)
        Account.objects.create(id=2, email="a")
    assert owners(markers()) == [2]


def test_a_conflict_with_a_stored_row_is_found_at_the_statement_and_the_block_goes_on(markers: Markers) -> None:
    Account.objects.create(id=1, email="a")
    with transaction.atomic():
        with pytest.raises(IntegrityError, match=r"uniques\.Account\.email: the row with the primary key 1"), transaction.atomic():
            Account.objects.create(email="a")
        Account.objects.create(id=2, email="b")
    assert owners(markers()) == [1, 2]


def test_a_conflict_with_a_row_of_the_same_block_is_found_at_the_statement() -> None:
    with transaction.atomic():
        Account.objects.create(id=1, email="a")
        with pytest.raises(IntegrityError, match=r"uniques\.Account\.email: the row with the primary key 1"), transaction.atomic():
            Account.objects.create(email="a")
    assert Account.objects.count() == 1


def test_an_update_that_conflicts_is_found_at_the_statement() -> None:
    Account.objects.bulk_create([Account(id=1, email="a"), Account(id=2, email="b")])
    with transaction.atomic(), pytest.raises(IntegrityError, match=r"uniques\.Account\.email"), transaction.atomic():
        Account.objects.filter(id=2).update(email="a")
    assert Account.objects.get(id=2).email == "b"


def test_a_value_that_the_block_has_freed_may_be_taken(markers: Markers) -> None:
    Account.objects.bulk_create([Account(id=1, email="a"), Account(id=2, email="b")])
    with transaction.atomic():
        Account.objects.filter(id=1).delete()
        Account.objects.filter(id=2).update(email="a")
        Account.objects.create(id=3, email="b")
    assert owners(markers()) == [2, 3]
    with pytest.raises(IntegrityError, match="primary key 3"):
        Account.objects.create(email="b")


def test_two_rows_may_swap_their_values_in_several_statements(markers: Markers) -> None:
    one, two = (Booking.objects.create(id=room, room=room, day="2024-02-29") for room in (1, 2))
    with transaction.atomic():
        Booking.objects.filter(pk=one.pk).update(room=9)
        Booking.objects.filter(pk=two.pk).update(room=1)
        Booking.objects.filter(pk=one.pk).update(room=2)
    assert list(Booking.objects.order_by("pk").values_list("room", flat=True)) == [2, 1]
    assert owners(markers()) == [1, 2]
    with pytest.raises(IntegrityError, match="primary key 2"):
        Booking.objects.create(room=1, day="2024-02-29")


def test_a_row_that_is_created_and_deleted_in_a_block_leaves_no_marker(markers: Markers) -> None:
    with transaction.atomic():
        Tagged.objects.create(names=["a", "b"]).delete()
    assert markers() == {}


def test_get_or_create_inside_a_block_finds_what_the_block_has_written() -> None:
    with transaction.atomic():
        made, _ = Account.objects.get_or_create(email="a")
        assert Account.objects.get_or_create(email="a") == (made, False)
    assert Account.objects.count() == 1


def test_conflicts_may_be_passed_over_inside_a_block() -> None:
    with transaction.atomic():
        Account.objects.create(email="a", visits=1)
        Account.objects.bulk_create([Account(email="a", visits=2), Account(email="b", visits=2)], ignore_conflicts=True)
    assert list(Account.objects.order_by("email").values_list("email", "visits")) == [("a", 1), ("b", 2)]


def test_conflicts_may_be_updated_inside_a_block() -> None:
    with transaction.atomic():
        Account.objects.create(email="a", visits=1)
        rows = [Account(email="a", visits=2), Account(email="b", visits=2)]
        Account.objects.bulk_create(rows, update_conflicts=True, update_fields=["visits"], unique_fields=["email"])
    assert list(Account.objects.order_by("email").values_list("email", "visits")) == [("a", 2), ("b", 2)]


def test_a_relation_may_be_added_to_twice_inside_a_block() -> None:
    team, account = Team.objects.create(name="a"), Account.objects.create(email="a")
    with transaction.atomic():
        team.members.add(account)
        team.members.add(account)
    assert Team.members.through.objects.count() == 1


def test_a_value_that_somebody_takes_before_the_commit_makes_the_block_fail(markers: Markers) -> None:
    @transaction.atomic
    def create() -> None:
        Account.objects.create(id=1, email="a")
        thread = Thread(target=create_elsewhere)
        thread.start()
        thread.join()

    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        create()
    assert owners(markers()) == [2]


def create_elsewhere() -> None:
    """Create a row on another connection."""
    try:
        Account.objects.create(id=2, email="a")
    finally:
        connection.close()


def test_creating_rows_in_a_block_looks_for_their_markers_and_commits() -> None:
    with capture_rpcs() as rpcs, transaction.atomic():
        Account.objects.create(email="a", handle="a")
    assert rpcs.methods == ["Lookup", "Commit"]


def test_a_failed_statement_without_a_block_of_its_own_breaks_the_block() -> None:
    Account.objects.create(id=1, email="a")
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            Account(id=2, email="a").save()
        with pytest.raises(transaction.TransactionManagementError):
            Account.objects.count()


def test_an_error_that_leaves_the_block_undoes_all_of_it(markers: Markers) -> None:
    @transaction.atomic
    def create() -> None:
        Account.objects.bulk_create(Account(id=number, email=f"{number}") for number in range(1, 9))
        Account.objects.create(email="3")

    with pytest.raises(IntegrityError):
        create()
    assert Account.objects.count() == len(markers()) == 0
