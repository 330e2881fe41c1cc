"""What a commit makes of a marker that is there already, when others write at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection
from uniques.models import Account, Ticket

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.core.datamodel.errors import OutcomeUnknown
from kindstore.core.session.changes import Unit

Markers = Callable[[], dict[Key, Entity]]
Before = Callable[[str, int, Callable[[], object]], None]


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Before:
    """Have something happen just before the nth lookup or commit from now."""

    def interrupt(method: str, number: int, happens: Callable[[], object]) -> None:
        driver: Any = connection.session.driver
        real, left = getattr(driver, method), [number]

        def interrupted(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                monkeypatch.setattr(driver, method, real)
                happens()
            return real(*arguments, **options)

        monkeypatch.setattr(driver, method, interrupted)

    return interrupt


def gone(pk: int) -> None:
    """Delete a row past the ORM, so that its marker stays."""
    mutations = [Mutation(Verb.DELETE, Key((("uniques_account", pk),), connection.session.namespace()))]
    connection.session.write(Unit((), mutations), mutations)


def rows() -> list[tuple[int, str]]:
    return list(Account.objects.order_by("id").values_list("id", "email"))


def test_a_value_that_is_freed_before_anybody_looks_is_had(before: Before) -> None:
    Account.objects.create(id=1, email="a")
    before("lookup", 1, Account.objects.filter(id=1).delete)
    Account.objects.create(id=2, email="a")
    assert rows() == [(2, "a")]


def test_an_update_to_a_value_that_is_freed_before_anybody_looks_is_made(before: Before) -> None:
    Account.objects.bulk_create([Account(id=1, email="a"), Account(id=2, email="b")])
    before("lookup", 2, Account.objects.filter(id=1).delete)
    Account.objects.filter(id=2).update(email="a")
    assert rows() == [(2, "a")]


def test_a_leftover_that_somebody_else_takes_over_first_is_theirs(before: Before, markers: Markers) -> None:
    Account.objects.create(id=1, email="a")
    gone(1)
    before("commit", 2, lambda: Account.objects.create(id=3, email="a"))
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email: the row with the primary key 3"):
        Account.objects.create(id=2, email="a")
    assert rows() == [(3, "a")]
    assert len(markers()) == 1


def test_a_leftover_that_is_deleted_before_it_is_taken_over_is_made_anew(before: Before, markers: Markers) -> None:
    Account.objects.create(id=1, email="a")
    gone(1)
    (key,) = markers()
    deletion = [Mutation(Verb.DELETE, key)]
    before("commit", 2, lambda: connection.session.write(Unit((), deletion), deletion))
    Account.objects.create(id=2, email="a")
    assert rows() == [(2, "a")]
    assert [each.properties["owner"] for each in markers().values()] == [Key((("uniques_account", 2),), key.namespace)]


def test_a_former_owner_that_takes_its_value_back_keeps_it(before: Before) -> None:
    Account.objects.create(id=1, email="a")
    gone(1)
    before("commit", 2, lambda: Account.objects.create(id=1, email="a"))
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email: the row with the primary key 1"):
        Account.objects.create(id=2, email="a")
    assert rows() == [(1, "a")]


def test_several_leftovers_are_taken_over_at_once(markers: Markers) -> None:
    Account.objects.bulk_create([Account(id=1, email="a", handle="a"), Account(id=2, email="b", handle="b")])
    gone(1)
    gone(2)
    Account.objects.bulk_create([Account(id=3, email="a", handle="b"), Account(id=4, email="c", handle="a")])
    assert sorted(each.properties["owner"].id_or_name for each in markers().values()) == [2, 3, 3, 4, 4]  # type: ignore[union-attr]


def test_a_primary_key_that_is_taken_is_told_before_the_values(markers: Markers) -> None:
    Ticket.objects.create(code="a", seat=1)
    with pytest.raises(IntegrityError, match=r"uniques\.Ticket\.code: there is a row with the primary key 'a' already"):
        Ticket.objects.create(code="a", seat=1)
    assert len(markers()) == 1


def test_ones_own_row_is_no_conflict_when_the_answer_to_its_commit_was_lost(monkeypatch: pytest.MonkeyPatch, markers: Markers) -> None:
    driver: Any = connection.session.driver
    real = driver.commit

    def answered_by_nobody(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(driver, "commit", real)
        real(*arguments, **options)
        raise OutcomeUnknown("No answer.")

    monkeypatch.setattr(driver, "commit", answered_by_nobody)
    account = Account.objects.create(email="a")
    assert rows() == [(account.pk, "a")]
    monkeypatch.setattr(driver, "commit", answered_by_nobody)
    account.email = "b"
    account.save()
    assert rows() == [(account.pk, "b")]
    assert len(markers()) == 1


def test_a_row_that_was_written_past_the_orm_is_not_known() -> None:
    key = Key((("uniques_account", 1),), connection.session.namespace())
    row = Entity(key, {"email": "a", "handle": None, "note": "", "visits": 0}, frozenset(("note",)))
    mutations = [Mutation(Verb.INSERT, key, row)]
    connection.session.write(Unit((), mutations), mutations)
    Account.objects.create(id=2, email="a")
    assert rows() == [(1, "a"), (2, "a")]


def test_a_row_with_the_key_zero_is_named_as_such() -> None:
    Account.objects.create(pk=0, email="e")
    with pytest.raises(IntegrityError, match="the row with the primary key 0 has this value already"):
        Account.objects.create(email="e")
    Account.objects.create(pk=-1, email="f")
    assert Account.objects.get(email="e").pk == 0
