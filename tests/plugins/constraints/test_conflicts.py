"""bulk_create() with ignore_conflicts and update_conflicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, NotSupportedError, ProgrammingError, connection
from uniques.models import Account, Booking, Draft, Tagged, Ticket, Translation, Unkept

from kindstore.core.datamodel import ENTITY, Column, Entity, Key, Mutation, Shape, Type, Verb
from kindstore.core.session.changes import Unit

WHOLE = Shape((Column(ENTITY, Type.ENTITY),))
Rows = list[tuple[Any, ...]]


def accounts(*names: str) -> Rows:
    return list(Account.objects.order_by("email").values_list(*names))


def upsert(*rows: Account, fields: tuple[str, ...] = ("visits",), by: str = "email") -> list[Account]:
    made: list[Account] = Account.objects.bulk_create(rows, update_conflicts=True, update_fields=fields, unique_fields=[by])
    return made


# ignore_conflicts


def test_rows_whose_values_are_there_are_passed_over_and_the_others_are_created() -> None:
    Account.objects.create(email="a", handle="a", visits=1)
    rows = [Account(email="a", visits=2), Account(email="b", handle="a", visits=2), Account(email="c", visits=2)]
    Account.objects.bulk_create(rows, ignore_conflicts=True)
    assert accounts("email", "visits") == [("a", 1), ("c", 2)]


def test_rows_whose_primary_keys_are_there_are_passed_over() -> None:
    Account.objects.create(id=1, email="a")
    Account.objects.bulk_create([Account(id=1, email="b"), Account(id=2, email="c"), Account(id=2, email="d")], ignore_conflicts=True)
    assert accounts("id", "email") == [(1, "a"), (2, "c")]


def test_of_rows_with_one_value_the_first_is_created() -> None:
    Account.objects.bulk_create([Account(email="a", visits=1), Account(email="a", visits=2)], ignore_conflicts=True)
    assert accounts("email", "visits") == [("a", 1)]


def test_a_row_that_is_passed_over_for_its_primary_key_keeps_no_value_from_later_ones() -> None:
    Account.objects.bulk_create([Account(id=9, email="c"), Account(id=9, email="b"), Account(id=7, email="b")], ignore_conflicts=True)
    assert accounts("id", "email") == [(7, "b"), (9, "c")]


def test_a_row_is_created_although_one_that_was_passed_over_has_its_primary_key() -> None:
    Account.objects.create(id=1, email="a")
    Account.objects.bulk_create([Account(id=2, email="a"), Account(id=2, email="b"), Account(id=3, email="b")], ignore_conflicts=True)
    assert accounts("id", "email") == [(1, "a"), (2, "b")]


def test_all_rows_may_be_passed_over() -> None:
    Account.objects.create(email="a")
    Account.objects.bulk_create([Account(email="a"), Account(email="a")], ignore_conflicts=True)
    assert Account.objects.count() == 1


def test_a_row_outside_of_the_condition_conflicts_with_nothing() -> None:
    Draft.objects.create(slug="a")
    Draft.objects.bulk_create([Draft(slug="a", status="old"), Draft(slug="a")], ignore_conflicts=True)
    assert sorted(Draft.objects.values_list("slug", "status")) == [("a", "live"), ("a", "old")]


def test_a_shared_item_of_a_list_is_a_conflict() -> None:
    Tagged.objects.create(names=["a", "b"])
    Tagged.objects.bulk_create([Tagged(names=["b", "c"], owner=1), Tagged(names=["d"], owner=2)], ignore_conflicts=True)
    assert sorted(Tagged.objects.values_list("owner", flat=True)) == [0, 2]


def test_a_leftover_is_no_conflict() -> None:
    account = Account.objects.create(email="a")
    deletion = [Mutation(Verb.DELETE, Key((("uniques_account", account.pk),), connection.session.namespace()))]
    connection.session.write(Unit((), deletion), deletion)
    Account.objects.bulk_create([Account(email="a", visits=2)], ignore_conflicts=True)
    assert accounts("email", "visits") == [("a", 2)]


def test_more_rows_than_one_commit_holds_are_created_or_passed_over() -> None:
    Account.objects.bulk_create(Account(email=f"{number:03}") for number in range(0, 300, 3))
    Account.objects.bulk_create((Account(email=f"{number:03}", visits=1) for number in range(300)), ignore_conflicts=True)
    assert Account.objects.count() == 300
    assert Account.objects.filter(visits=1).count() == 200


# update_conflicts


def test_rows_that_are_there_are_updated_and_the_others_are_created() -> None:
    Account.objects.create(email="a", note="old", visits=1)
    upsert(Account(email="a", note="new", visits=2), Account(email="b", note="new", visits=3))
    assert accounts("email", "note", "visits") == [("a", "old", 2), ("b", "new", 3)]


def test_the_primary_keys_of_updated_rows_are_returned() -> None:
    old = Account.objects.create(email="b")
    made = upsert(Account(email="a"), Account(email="b"), Account(email="c"))
    assert made[1].pk == old.pk
    assert [Account.objects.get(pk=each.pk).email for each in made] == ["a", "b", "c"]


def test_a_later_row_of_the_batch_updates_an_earlier_one() -> None:
    Account.objects.create(email="b")
    rows = [Account(email=email, note=f"{n}", visits=n) for n, email in enumerate(("a", "b", "a", "b"), 1)]
    made = upsert(*rows)
    assert accounts("email", "note", "visits") == [("a", "1", 3), ("b", "", 4)]
    assert made[0].pk == made[2].pk != made[1].pk == made[3].pk


def test_a_conflict_on_the_primary_key_updates_the_row() -> None:
    Account.objects.create(id=1, email="a", visits=1)
    upsert(Account(id=1, email="b", visits=2), Account(id=2, email="c", visits=3), by="pk")
    assert accounts("id", "email", "visits") == [(1, "a", 2), (2, "c", 3)]


def test_unique_columns_may_be_updated_and_move_their_values() -> None:
    Account.objects.create(email="a", handle="old")
    upsert(Account(email="a", handle="new"), fields=("handle",))
    Account.objects.create(email="b", handle="old")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.handle"):
        Account.objects.create(email="c", handle="new")


def test_a_combination_may_be_what_rows_are_updated_by() -> None:
    Booking.objects.create(room=1, day="2024-02-29", guest="a")
    rows = [Booking(room=1, day="2024-02-29", guest="b"), Booking(room=1, day=None, guest="c")]
    Booking.objects.bulk_create(rows, update_conflicts=True, update_fields=["guest"], unique_fields=["day", "room"])
    assert sorted(Booking.objects.values_list("guest", flat=True)) == ["b", "c"]


def test_a_composite_primary_key_may_be_what_rows_are_updated_by() -> None:
    Translation.objects.create(tenant=1, number=1, slug="a")
    rows = [Translation(tenant=1, number=1, slug="b"), Translation(tenant=1, number=2, slug="c")]
    Translation.objects.bulk_create(rows, update_conflicts=True, update_fields=["slug"], unique_fields=["tenant", "number"])
    assert sorted(Translation.objects.values_list("number", "slug")) == [(1, "b"), (2, "c")]


def test_a_primary_key_that_is_text_may_be_what_rows_are_updated_by() -> None:
    Ticket.objects.create(code="a", seat=1)
    Ticket.objects.bulk_create([Ticket(code="a", seat=2)], update_conflicts=True, update_fields=["seat"], unique_fields=["code"])
    assert Ticket.objects.get(code="a").seat == 2


def test_a_conflict_on_another_constraint_is_an_error_and_nothing_is_written() -> None:
    Account.objects.create(email="a", handle="a", visits=1)
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.handle"):
        upsert(Account(email="b", handle="b", visits=2), Account(email="c", handle="a", visits=2))
    assert accounts("email", "visits") == [("a", 1)]


def test_fields_that_no_constraint_names_are_refused() -> None:
    with pytest.raises(ProgrammingError, match=r"looks for conflicts on note, which is no unique constraint of uniques\.Account"):
        upsert(Account(email="a"), by="note")


def test_a_constraint_with_a_condition_is_nothing_to_update_by() -> None:
    with pytest.raises(ProgrammingError, match="looks for conflicts on slug"):
        Draft.objects.bulk_create([Draft(slug="a")], update_conflicts=True, update_fields=["kind"], unique_fields=["slug"])


def test_a_model_that_is_not_kept_unique_has_nothing_to_update_by() -> None:
    with pytest.raises(ProgrammingError, match=r"is not kept unique: uniques\.Unkept opts out of constraints"):
        Unkept.objects.bulk_create([Unkept(name="a")], update_conflicts=True, update_fields=["name"], unique_fields=["name"])


def test_a_model_that_is_not_kept_unique_has_no_conflicts_but_those_of_its_primary_key() -> None:
    Unkept.objects.create(id=1, name="a")
    Unkept.objects.bulk_create([Unkept(id=1, name="b"), Unkept(id=2, name="a")], ignore_conflicts=True)
    assert sorted(Unkept.objects.values_list("id", "name")) == [(1, "a"), (2, "a")]


# Somebody else's commit in between


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen once, just before the next commit is sent."""

    def before_next_commit(happens: Callable[[], object]) -> None:
        driver, commit = connection.session.driver, connection.session.driver.commit

        def interrupted(*arguments: Any, **options: Any) -> Any:
            monkeypatch.setattr(driver, "commit", commit)
            happens()
            return commit(*arguments, **options)

        monkeypatch.setattr(driver, "commit", interrupted)

    return before_next_commit


def test_a_row_that_appears_meanwhile_is_passed_over(meanwhile: Callable[[Callable[[], object]], None]) -> None:
    meanwhile(lambda: Account.objects.create(email="a", visits=1))
    Account.objects.bulk_create([Account(email="a", visits=2), Account(email="b", visits=2)], ignore_conflicts=True)
    assert accounts("email", "visits") == [("a", 1), ("b", 2)]


def test_a_row_that_appears_meanwhile_is_updated(meanwhile: Callable[[Callable[[], object]], None]) -> None:
    meanwhile(lambda: Account.objects.create(email="a", note="theirs", visits=1))
    upsert(Account(email="a", note="ours", visits=2))
    assert accounts("note", "visits") == [("theirs", 2)]


def test_a_row_that_changes_meanwhile_is_read_again(meanwhile: Callable[[Callable[[], object]], None]) -> None:
    Account.objects.create(email="a", note="old", visits=1)
    meanwhile(lambda: Account.objects.update(note="theirs"))
    upsert(Account(email="a", note="ours", visits=2))
    assert accounts("note", "visits") == [("theirs", 2)]


def test_a_row_that_disappears_meanwhile_is_created(meanwhile: Callable[[Callable[[], object]], None]) -> None:
    Account.objects.create(email="a", note="old")
    meanwhile(lambda: Account.objects.all()._raw_delete("default"))
    upsert(Account(email="a", note="ours", visits=2))
    assert accounts("note", "visits") == [("ours", 2)]


def test_a_value_that_is_taken_meanwhile_is_an_error_for_a_plain_insert(meanwhile: Callable[[Callable[[], object]], None]) -> None:
    meanwhile(lambda: Account.objects.create(email="a"))
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.create(email="a")


# Without the plugin


def test_without_the_plugin_neither_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", [])
    connection.close()
    with pytest.raises(NotSupportedError, match="ignoring conflicts"):
        Account.objects.bulk_create([Account(email="a")], ignore_conflicts=True)
    with pytest.raises(NotSupportedError, match="updating conflicts"):
        upsert(Account(email="a"))


def test_values_that_are_not_the_models_are_not_lost_by_an_update() -> None:
    account = Account.objects.create(email="a")
    key = Key((("uniques_account", account.pk),), connection.session.namespace())
    whole = {"email": "a", "handle": None, "note": "", "visits": 0, "foreign": 5}
    written = [Mutation(Verb.UPDATE, key, Entity(key, whole, frozenset(("note",))))]
    connection.session.write(Unit((), written), written)
    upsert(Account(email="a", visits=3))
    (found,) = connection.session.lookup([key], WHOLE)
    assert found is not None
    assert (found[0].properties["foreign"], found[0].properties["visits"]) == (5, 3)
