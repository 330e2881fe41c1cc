"""At consistency 0.0 no query of Cloud Datastore sees a write until its entity group is looked up: queries say only where to look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.db.migrations import operations as ops

from kindstore.core.datamodel import Entity
from kindstore.core.uniqueness import Action
from kindstore.plugins.constraints.uniques import uniques_of

from .migrating import WHOLE, Shop, item, opened

pytestmark = pytest.mark.eventual

UNIQUE = ops.AlterField("Item", "name", models.CharField(max_length=20, unique=True))


@pytest.fixture
def shop(django_db_blocker: Any) -> Iterator[Shop]:
    """Two rows that queries find."""
    with django_db_blocker.unblock(), opened() as connection:
        shop = Shop(connection)
        shop.apply(item(name=models.CharField(max_length=20)))
        shop.fill({"name": "a"}, {"name": "b"})
        see(shop)
        yield shop


def see(shop: Shop) -> None:
    """Let queries find the rows, and the markers of their present values, as they are now."""
    look_up_markers(shop, *(row[1] for row in shop.session.lookup([shop.key(1), shop.key(2)], WHOLE) if row is not None))


def look_up_markers(shop: Shop, *rows: Entity) -> list[Any]:
    """Return the primary keys of the rows that own the markers of what rows hold."""
    claims = uniques_of(shop.model(), shop.connection).claims(rows)
    found = shop.session.lookup([key for each in claims for key in each], WHOLE)
    return [None if row is None else row[1].properties["owner"].id_or_name for row in found]


def row(shop: Shop, ident: int, name: str) -> Entity:
    return Entity(shop.key(ident), {"name": name})


def test_a_build_goes_by_the_rows_as_they_are(shop: Shop) -> None:
    shop.put(row(shop, 2, "z"))
    shop.apply(UNIQUE)
    assert look_up_markers(shop, row(shop, 1, "a"), row(shop, 2, "b"), row(shop, 2, "z")) == [1, None, 2]


@pytest.mark.parametrize("action", Action)
def test_what_moved_is_no_fault(shop: Shop, action: Action) -> None:
    shop.apply(UNIQUE)
    see(shop)
    shop.rows().filter(pk=2).update(name="z")
    assert shop.audit(action).found == {}
    assert look_up_markers(shop, row(shop, 1, "a"), row(shop, 2, "b"), row(shop, 2, "z")) == [1, None, 2]


@pytest.mark.parametrize("action", Action)
def test_what_is_gone_is_no_fault(shop: Shop, action: Action) -> None:
    shop.apply(UNIQUE)
    see(shop)
    shop.rows().filter(pk=2).delete()
    assert shop.audit(action).found == {}
    assert look_up_markers(shop, row(shop, 1, "a"), row(shop, 2, "b")) == [1, None]
