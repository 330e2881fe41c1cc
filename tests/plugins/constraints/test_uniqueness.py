"""What is unique, and what a second row with the same values meets: test by test, the promises of docs/explanation/uniqueness.md."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import IntegrityError, NotSupportedError, connection
from django.db.models import F
from uniques.models import (
    Account,
    AccountProxy,
    Booking,
    Cafe,
    Draft,
    Essay,
    Label,
    Place,
    Price,
    Profile,
    Reading,
    Seat,
    Shelf,
    Tag,
    Tagged,
    Thirty,
    Ticket,
    Translation,
)

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.core.session.changes import Unit

Markers = Callable[[], dict[Key, Entity]]
DAY = dt.date(2024, 2, 29)


def put(*mutations: Mutation) -> None:
    """Write to the store past the ORM."""
    connection.session.write(Unit((), list(mutations)), mutations)


def key_of(row: object) -> Key:
    return Key(((row._meta.db_table, row.pk),), connection.session.namespace())  # type: ignore[attr-defined]


# A second row with the same value (UNQ-01)


def test_a_second_row_with_a_unique_value_is_refused_and_the_fields_are_named() -> None:
    Account.objects.create(id=5, email="a@x.org")
    with pytest.raises(
        IntegrityError, match=r"^UNIQUE constraint failed: uniques\.Account\.email: the row with the primary key 5 has this"
    ):
        Account.objects.create(email="a@x.org")
    assert Account.objects.count() == 1


def test_a_second_combination_is_refused_and_its_fields_are_named() -> None:
    Booking.objects.create(room=1, day=DAY)
    Booking.objects.create(room=2, day=DAY)
    with pytest.raises(IntegrityError, match=r"failed: uniques\.Booking\.room, uniques\.Booking\.day: .* has these values already"):
        Booking.objects.create(room=1, day=DAY)


def test_a_constraint_is_named_in_the_error() -> None:
    Seat.objects.create(number=1, code="a")
    with pytest.raises(IntegrityError, match=r"uniques\.Seat\.code: .* \(the constraint 'one_code'\)"):
        Seat.objects.create(number=2, code="a")


def test_a_row_that_was_refused_leaves_nothing_behind(markers: Markers) -> None:
    Account.objects.create(email="a@x.org", handle="a")
    before = markers()
    with pytest.raises(IntegrityError):
        Account.objects.create(email="b@x.org", handle="a")
    assert markers() == before
    Account.objects.create(email="b@x.org", handle="b")


def test_an_update_to_a_value_that_another_row_has_is_refused_and_changes_nothing(markers: Markers) -> None:
    Account.objects.create(email="a@x.org")
    other = Account.objects.create(email="b@x.org")
    before = markers()
    other.email = "a@x.org"
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        other.save()
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.filter(pk=other.pk).update(email="a@x.org")
    assert markers() == before
    assert Account.objects.get(pk=other.pk).email == "b@x.org"


def test_a_proxy_has_the_constraints_of_its_table() -> None:
    Account.objects.create(email="a@x.org")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        AccountProxy.objects.create(email="a@x.org")


def test_the_models_of_an_abstract_parent_are_unique_each_for_itself() -> None:
    Tag.objects.create(slug="a", order=1)
    Label.objects.create(slug="a", order=1)
    with pytest.raises(IntegrityError, match=r"uniques\.Label\.order: .* 'label_order'"):
        Label.objects.create(slug="b", order=1)


def test_each_table_of_a_model_with_parents_keeps_its_own_fields_unique() -> None:
    Cafe.objects.create(name="a", code=1)
    with pytest.raises(IntegrityError, match=r"uniques\.Place\.name"):
        Place.objects.create(name="a")
    with pytest.raises(IntegrityError, match=r"uniques\.Cafe\.code"):
        Cafe.objects.create(name="b", code=1)


# UniqueConstraint (UNQ-02)


def test_columns_that_a_constraint_includes_do_not_matter() -> None:
    Seat.objects.create(number=1, code="a", color="red")
    with pytest.raises(IntegrityError, match="one_code"):
        Seat.objects.create(number=2, code="a", color="blue")


def test_null_is_a_value_where_nulls_are_not_distinct() -> None:
    Seat.objects.create(row=None, number=1, code="a")
    Seat.objects.create(row=None, number=2, code="b")
    with pytest.raises(IntegrityError, match="one_seat"):
        Seat.objects.create(row=None, number=1, code="c")


def test_only_rows_for_which_the_condition_holds_are_unique() -> None:
    Draft.objects.create(slug="a")
    Draft.objects.bulk_create(Draft(slug="a", status="old") for _ in range(2))
    with pytest.raises(IntegrityError, match="one_live_slug"):
        Draft.objects.create(slug="a", status="xylophone")


def test_a_row_for_which_the_condition_begins_to_hold_claims_its_value() -> None:
    Draft.objects.create(slug="a")
    old = Draft.objects.create(slug="a", status="old")
    with pytest.raises(IntegrityError, match="one_live_slug"):
        Draft.objects.filter(pk=old.pk).update(status="live")


def test_a_row_for_which_the_condition_no_longer_holds_gives_its_value_up() -> None:
    live = Draft.objects.create(slug="a")
    live.status = "old"
    live.save(update_fields=["status"])
    Draft.objects.create(slug="a")


def test_a_condition_on_a_column_that_no_index_covers_is_decided_too() -> None:
    for kind in ("only one", "only none", "only none", "many", "many"):
        Draft.objects.create(slug=f"{Draft.objects.count()}", kind=kind)
    with pytest.raises(IntegrityError, match="one_kind"):
        Draft.objects.create(slug="again", kind="only one")


# Null members (UNQ-03)


def test_null_members_do_not_collide(markers: Markers) -> None:
    Booking.objects.bulk_create(Booking(room=1, day=None) for _ in range(3))
    Account.objects.bulk_create(Account(email=f"{number}") for number in range(2))
    assert len(markers()) == 2


# Updates and deletions (UNQ-04, UNQ-05)


def test_an_update_frees_the_old_value_and_takes_the_new_one() -> None:
    account = Account.objects.create(email="a@x.org")
    account.email = "b@x.org"
    account.save()
    Account.objects.create(email="a@x.org")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.create(email="b@x.org")


def test_a_query_set_that_is_updated_moves_the_values_of_its_rows() -> None:
    Booking.objects.bulk_create(Booking(room=room, day=DAY) for room in range(3))
    Booking.objects.update(room=F("room") + 10)
    Booking.objects.bulk_create(Booking(room=room, day=DAY) for room in range(3))
    with pytest.raises(IntegrityError, match=r"uniques\.Booking\.room"):
        Booking.objects.create(room=12, day=DAY)


def test_one_statement_may_swap_the_values_of_rows(markers: Markers) -> None:
    one, two = (Booking.objects.create(room=room, day=DAY) for room in (1, 2))
    assert Booking.objects.update(room=3 - F("room")) == 2
    assert [Booking.objects.get(pk=each.pk).room for each in (one, two)] == [2, 1]
    assert {each.properties["owner"] for each in markers().values()} == {key_of(one), key_of(two)}
    Booking.objects.filter(pk=one.pk).delete()
    Booking.objects.create(room=2, day=DAY)
    with pytest.raises(IntegrityError, match=r"uniques\.Booking\.room"):
        Booking.objects.create(room=1, day=DAY)


def test_one_value_for_two_rows_is_refused_before_anything_is_written(markers: Markers) -> None:
    Booking.objects.bulk_create(Booking(room=room, day=DAY) for room in range(2))
    before = markers()
    with pytest.raises(IntegrityError, match=r"uniques\.Booking\.room, .*: two of the rows to write have these values"):
        Booking.objects.update(room=7)
    assert markers() == before


def test_a_deleted_row_frees_its_values_at_once(markers: Markers) -> None:
    account = Account.objects.create(email="a@x.org", handle="a")
    account.delete()
    assert markers() == {}
    Account.objects.create(email="a@x.org", handle="a")


def test_a_query_set_that_is_deleted_frees_the_values_of_its_rows(markers: Markers) -> None:
    Booking.objects.bulk_create(Booking(room=room, day=DAY) for room in range(30))
    Booking.objects.filter(room__lt=20).delete()
    assert len(markers()) == 10
    Booking.objects.all()._raw_delete("default")
    assert markers() == {}


# Stale markers (UNQ-06)


@pytest.fixture
def left_behind(markers: Markers) -> Entity:
    """A marker whose row was deleted past the ORM."""
    account = Account.objects.create(id=5, email="a@x.org")
    put(Mutation(Verb.DELETE, key_of(account)))
    (marker,) = markers().values()
    return marker


def test_the_value_of_a_row_that_is_gone_is_taken_over(left_behind: Entity, markers: Markers) -> None:
    account = Account.objects.create(id=6, email="a@x.org")
    assert [each.properties["owner"] for each in markers().values()] == [key_of(account)]
    assert list(markers()) == [left_behind.key]


def test_a_row_that_is_gone_can_be_created_again(left_behind: Entity, markers: Markers) -> None:
    Account.objects.create(id=5, email="a@x.org")
    assert list(markers()) == [left_behind.key]


def test_a_marker_without_an_owner_is_taken_over(left_behind: Entity, markers: Markers) -> None:
    assert left_behind.key is not None
    put(Mutation(Verb.UPDATE, left_behind.key, Entity(left_behind.key, {**left_behind.properties, "owner": None})))
    account = Account.objects.create(email="a@x.org")
    assert [each.properties["owner"] for each in markers().values()] == [key_of(account)]


def test_the_value_of_a_row_that_has_another_one_by_now_is_taken_over(markers: Markers) -> None:
    holder = Account.objects.create(email="a@x.org", note="kept")
    whole = {"email": "b@x.org", "handle": None, "note": "kept", "visits": 3}
    put(Mutation(Verb.UPDATE, key_of(holder), Entity(key_of(holder), whole, frozenset(("note",)))))
    account = Account.objects.create(email="a@x.org")
    assert [each.properties["owner"] for each in markers().values()] == [key_of(account)]
    holder.refresh_from_db()
    assert (holder.email, holder.note, holder.visits) == ("b@x.org", "kept", 3)


def test_an_update_takes_the_value_of_a_row_that_is_gone_over(left_behind: Entity, markers: Markers) -> None:
    account = Account.objects.create(email="b@x.org")
    Account.objects.filter(pk=account.pk).update(email="a@x.org")
    assert [(key, each.properties["owner"]) for key, each in markers().items()] == [(left_behind.key, key_of(account))]


# Many constraints, lists, and columns of every kind (UNQ-10 to UNQ-13)


def test_as_many_unique_fields_are_kept_as_the_store_writes_entities_at_once() -> None:
    first = Thirty(**{f"field{number}": number for number in range(30)})
    second = Thirty(**{f"field{number}": number + 100 * (number < 29) for number in range(30)})
    if connection.session.capabilities.entity_groups is None:
        first.save()
        with pytest.raises(IntegrityError, match=r"uniques\.Thirty\.field29"):
            second.save()
    else:
        with pytest.raises(NotSupportedError, match="31 entities at once, and the store takes 25"):
            first.save()


def test_no_two_rows_share_an_item_of_a_list() -> None:
    Tagged.objects.create(names=["a", "b", "a"])
    Tagged.objects.create(names=["c"], owner=1)
    with pytest.raises(IntegrityError, match=r"uniques\.Tagged\.names"):
        Tagged.objects.create(names=["d", "b"], owner=2)


def test_an_empty_list_and_null_collide_with_nothing(markers: Markers) -> None:
    Tagged.objects.bulk_create([Tagged(names=[]), Tagged(names=[]), Tagged(names=None)])
    assert markers() == {}


def test_the_items_of_a_list_are_unique_together_with_another_column() -> None:
    Tagged.objects.create(owner=1, words=["a", "b"])
    Tagged.objects.create(owner=2, words=["a", "b"])
    with pytest.raises(IntegrityError, match=r"uniques\.Tagged\.owner, uniques\.Tagged\.words"):
        Tagged.objects.create(owner=2, words=["c", "b"])


def test_an_update_of_a_list_moves_its_items() -> None:
    tagged = Tagged.objects.create(names=["a", "b"])
    tagged.names = ["b", "c"]
    tagged.save()
    Tagged.objects.create(names=["a"])
    with pytest.raises(IntegrityError, match=r"uniques\.Tagged\.names"):
        Tagged.objects.create(names=["c"])


def test_one_to_one_fields_are_unique() -> None:
    account = Account.objects.create(email="a@x.org")
    Profile.objects.create(account=account)
    with pytest.raises(IntegrityError, match=r"uniques\.Profile\.account"):
        Profile.objects.create(account=account)


def test_foreign_keys_are_unique_by_their_columns() -> None:
    account = Account.objects.create(email="a@x.org")
    Profile.objects.create(sponsor=account)
    with pytest.raises(IntegrityError, match=r"uniques\.Profile\.sponsor"):
        Profile.objects.create(sponsor=account)


def test_the_primary_key_alone_has_no_marker_and_is_unique_in_a_combination(markers: Markers) -> None:
    Ticket.objects.create(code="a", seat=1)
    Ticket.objects.create(code="b", seat=1)
    assert len(markers()) == 2
    with pytest.raises(IntegrityError, match=r"uniques\.Ticket\.code: there is a row with the primary key 'a' already"):
        Ticket.objects.create(code="a", seat=2)


def test_members_of_a_composite_primary_key_are_unique_with_other_columns() -> None:
    Translation.objects.create(tenant=1, number=1, slug="a")
    Translation.objects.create(tenant=2, number=1, slug="a")
    with pytest.raises(IntegrityError, match=r"uniques\.Translation\.tenant, uniques\.Translation\.slug"):
        Translation.objects.create(tenant=1, number=2, slug="a")


def test_a_text_of_any_length_is_unique() -> None:
    Essay.objects.create(text="é" * 20_000)
    Essay.objects.create(text="é" * 19_999 + "e")
    with pytest.raises(IntegrityError, match=r"uniques\.Essay\.text"):
        Essay.objects.create(text="é" * 20_000)


def test_the_text_of_a_number_is_not_the_number() -> None:
    Essay.objects.create(text="1")
    Reading.objects.create(value=1)
    Essay.objects.create(text="1.0")


def test_the_two_zeros_are_one_value() -> None:
    Reading.objects.create(value=0.0)
    with pytest.raises(IntegrityError, match=r"uniques\.Reading\.value"):
        Reading.objects.create(value=-0.0)


def test_nan_equals_itself() -> None:
    Reading.objects.create(value=float("nan"))
    with pytest.raises(IntegrityError, match=r"uniques\.Reading\.value"):
        Reading.objects.create(value=float("nan"))


def test_decimals_are_compared_as_numbers() -> None:
    Price.objects.create(amount="1.5")
    with pytest.raises(IntegrityError, match=r"uniques\.Price\.amount"):
        Price.objects.create(amount="1.50")


def test_a_row_that_lacks_the_column_has_its_default() -> None:
    Shelf.objects.create(position=1)
    bare = Key((("uniques_shelf", 9),), connection.session.namespace())
    put(Mutation(Verb.INSERT, bare, Entity(bare, {})))
    Shelf.objects.filter(pk=9).update(position=8)
    with pytest.raises(IntegrityError, match=r"uniques\.Shelf\.position"):
        Shelf.objects.create(position=8)


# Reading by a unique value (UNQ-14)


def test_a_row_is_found_by_its_unique_value_at_once_and_the_other_conditions_count() -> None:
    account = Account.objects.create(email="a@x.org", visits=3)
    assert Account.objects.get(email="a@x.org") == account
    assert Account.objects.get(email="a@x.org", visits=3) == account
    assert not Account.objects.filter(email="a@x.org", visits=4).exists()


# get_or_create and update_or_create (UNQ-15); races are in test_races


def test_get_or_create_by_a_unique_value_creates_once() -> None:
    made, created = Account.objects.get_or_create(email="a@x.org")
    assert created
    assert Account.objects.get_or_create(email="a@x.org") == (made, False)


def test_update_or_create_by_a_unique_value_updates_the_row() -> None:
    made, _ = Account.objects.update_or_create(email="a@x.org", defaults={"visits": 1})
    assert Account.objects.update_or_create(email="a@x.org", defaults={"visits": 2}) == (made, False)
    assert Account.objects.get().visits == 2


def test_get_or_create_of_a_row_whose_other_value_is_taken_is_an_error() -> None:
    Account.objects.create(email="a@x.org", handle="a")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.handle"):
        Account.objects.get_or_create(email="b@x.org", defaults={"handle": "a"})


# bulk_create (UNQ-19)


def test_bulk_create_refuses_one_value_for_two_of_its_rows_and_creates_none(markers: Markers) -> None:
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email: two of the rows to write have this value"):
        Account.objects.bulk_create([Account(email="a@x.org"), Account(email="b@x.org"), Account(email="a@x.org")])
    assert not Account.objects.exists()
    assert markers() == {}


def test_bulk_create_refuses_a_value_that_a_stored_row_has_and_creates_none(markers: Markers) -> None:
    Account.objects.create(email="b@x.org")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.bulk_create([Account(email="a@x.org"), Account(email="b@x.org")])
    assert Account.objects.count() == len(markers()) == 1


def test_bulk_create_keeps_more_rows_than_a_commit_holds_unique(markers: Markers) -> None:
    Essay.objects.bulk_create(Essay(text=f"{number}") for number in range(600))
    assert len(markers()) == 600
    with pytest.raises(IntegrityError, match=r"uniques\.Essay\.text"):
        Essay.objects.create(text="599")
