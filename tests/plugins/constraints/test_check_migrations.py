"""Migrations that add check constraints look at the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, models
from django.db.migrations import operations as ops
from django.db.models import CheckConstraint, F, Q

from .migrating import Shop, item, opened

CHEAP = ops.AddConstraint("Item", CheckConstraint(condition=Q(a__lt=10), name="cheap"))
ORDERED = ops.AddConstraint("Item", CheckConstraint(condition=Q(a__lt=F("b")), name="ordered"))


@pytest.fixture
def shop(django_db_blocker: Any) -> Iterator[Shop]:
    with django_db_blocker.unblock(), opened(("constraints", "relational"), relational={"policy": "allow"}) as connection:
        yield Shop(connection)


@pytest.mark.parametrize("operation", [CHEAP, ORDERED])
def test_a_constraint_that_all_rows_keep_is_added_and_enforced(shop: Shop, operation: Any) -> None:
    shop.apply(item(a=models.IntegerField(), b=models.IntegerField()))
    shop.fill({"a": 1, "b": 2})
    shop.apply(operation)
    with pytest.raises(IntegrityError, match=operation.constraint.name):
        shop.rows().create(a=20, b=2)


@pytest.mark.parametrize("operation", [CHEAP, ORDERED])
def test_rows_that_break_a_constraint_are_listed(shop: Shop, operation: Any) -> None:
    shop.apply(item(a=models.IntegerField(), b=models.IntegerField()))
    shop.fill({"a": 1, "b": 2}, {"a": 30, "b": 2}, {"a": 40, "b": 2})
    with pytest.raises(
        IntegrityError, match=rf"rows of shop\.Item break the constraint '{operation.constraint.name}'.* primary keys 2, 3\."
    ):
        shop.apply(operation)
    assert "cheap" not in shop.connection.introspection.get_constraints(None, "shop_item")


def test_the_list_is_bounded(shop: Shop) -> None:
    shop.apply(item(a=models.IntegerField()))
    shop.fill(*({"a": 100} for _ in range(20)))
    with pytest.raises(IntegrityError, match=r"1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and others\. "):
        shop.apply(CHEAP)


def test_sqlmigrate_reads_no_row(shop: Shop) -> None:
    shop.apply(item(a=models.IntegerField()))
    shop.fill({"a": 100})
    assert "cheap" in shop.collect(CHEAP)[0]


def test_a_column_becomes_positive_where_its_values_are(shop: Shop) -> None:
    shop.apply(item(a=models.IntegerField()))
    shop.fill({"a": 1}, {"a": -1})
    positive = ops.AlterField("Item", "a", models.PositiveIntegerField())
    with pytest.raises(IntegrityError, match=r"the check of the column 'a': those with the primary keys 2\."):
        shop.apply(positive)
    shop.rows().filter(pk=2).delete()
    shop.apply(positive)
    with pytest.raises(IntegrityError, match="shop_item_a_check"):
        shop.rows().create(a=-1)


def test_introspection_knows_checks_and_their_columns(shop: Shop) -> None:
    shop.apply(item(a=models.PositiveIntegerField(), b=models.IntegerField()), ORDERED)
    found = shop.connection.introspection.get_constraints(None, "shop_item")
    checks = {name: each["columns"] for name, each in found.items() if each["check"]}
    assert checks == {"ordered": ["a", "b"], "shop_item_a_check": ["a"]}


def test_the_models_of_other_states_are_checked_as_the_table_is(shop: Shop) -> None:
    shop.apply(item(a=models.IntegerField()))
    before = shop.rows()
    shop.apply(CHEAP)
    within = shop.rows()
    with pytest.raises(IntegrityError, match="cheap"):
        before.create(a=10)
    shop.apply(ops.RemoveConstraint("Item", "cheap"))
    within.create(a=10)
    assert shop.rows().count() == 1


def test_a_table_that_is_made_anew_has_no_other_constraints_than_its_model(shop: Shop) -> None:
    shop.apply(item(a=models.IntegerField()), CHEAP, ops.DeleteModel("Item"), item(a=models.IntegerField()))
    shop.rows().create(a=10)
    assert shop.rows().count() == 1
