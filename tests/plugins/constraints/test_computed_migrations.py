"""Migrations that add columns which are computed: the rows that are there get their values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, NotSupportedError, models
from django.db.migrations import operations as ops
from django.db.models import F
from django.db.models.functions import Length, Now, Pi

from kindstore.core.backend import rewriting
from kindstore.core.datamodel import Entity

from .migrating import Shop, interrupted, item, opened

DOUBLE = ops.AddField("Item", "double", models.GeneratedField(expression=F("a") * 2, output_field=models.IntegerField(), db_persist=True))
SIZE = ops.AddField("Item", "size", models.GeneratedField(expression=Length("name"), output_field=models.IntegerField(), db_persist=False))


@pytest.fixture
def shop(django_db_blocker: Any) -> Iterator[Shop]:
    with django_db_blocker.unblock(), opened(("constraints", "relational"), relational={"policy": "allow"}) as connection:
        yield Shop(connection)


def test_a_generated_column_is_computed_for_the_rows_that_are_there(shop: Shop) -> None:
    shop.apply(item(a=models.IntegerField(), name=models.CharField(max_length=10)))
    shop.fill({"a": 1, "name": "x"}, {"a": 2, "name": "xyz"})
    shop.apply(DOUBLE, SIZE)
    assert list(shop.rows().filter(double__gt=0).order_by("size").values_list("double", "size")) == [(2, 1), (4, 3)]


def test_what_was_interrupted_goes_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "BATCH", 3)
    shop.apply(item(a=models.IntegerField()))
    shop.fill(*({"a": number} for number in range(10)))
    with interrupted(shop, 2):
        shop.apply(DOUBLE)
    shop.apply(DOUBLE)
    assert list(shop.rows().order_by("double").values_list("double", flat=True)) == list(range(0, 20, 2))


def test_a_generated_column_of_rows_may_have_to_be_unique(shop: Shop) -> None:
    unique = models.GeneratedField(expression=F("a") * 0, output_field=models.IntegerField(), db_persist=True, unique=True)
    shop.apply(item(a=models.IntegerField()))
    shop.fill({"a": 1}, {"a": 2})
    with pytest.raises(IntegrityError, match="zero"):
        shop.apply(ops.AddField("Item", "zero", unique))


def test_a_generated_column_follows_the_new_type_of_a_column(shop: Shop) -> None:
    shop.apply(item(name=models.IntegerField()), SIZE)
    shop.fill({"name": 12}, {"name": 123})
    shop.apply(ops.AlterField("Item", "name", models.FloatField()))
    assert list(shop.rows().order_by("size").values_list("size", flat=True)) == [4, 5]


def test_an_expression_as_database_default_is_computed_for_the_rows_that_are_there(shop: Shop) -> None:
    shop.apply(item())
    shop.fill({}, {})
    shop.apply(ops.AddField("Item", "ratio", models.FloatField(db_default=Pi())))
    shop.apply(ops.AddField("Item", "made", models.DateTimeField(db_default=Now())))
    assert shop.rows().filter(ratio__gt=3.14, made__isnull=False).count() == 2


def test_a_plain_database_default_reads_at_once(shop: Shop) -> None:
    shop.apply(item(n=models.IntegerField(db_default=7)))
    shop.put(Entity(shop.key(1), {}))
    assert shop.rows().get(pk=1).n == 7


def test_without_sql_a_computed_default_is_refused(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), opened() as connection:
        shop = Shop(connection)
        shop.apply(item())
        with pytest.raises(NotSupportedError, match=r"The column 'ratio' has the db_default Pi\(\), which the store cannot compute"):
            shop.apply(ops.AddField("Item", "ratio", models.FloatField(db_default=Pi())))
