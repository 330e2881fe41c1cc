"""Primary keys whose values are not the entities' own ids and names, in the residual engine."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps
from records.keyed import keyed

VALUES = [
    (models.BooleanField, [False, True]),
    (models.DateField, [dt.date(1, 1, 1), dt.date(2001, 2, 3)]),
    (models.DateTimeField, [dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=dt.UTC)]),
    (models.DurationField, [dt.timedelta(-1), dt.timedelta(0)]),
    (models.FloatField, [-1.5, 0.0]),
    (models.CharField, ["", "\0a"]),
    (models.IntegerField, [-1, 0, 1]),
    (models.TextField, ["", "a"]),
    (models.TimeField, [dt.time(0), dt.time(1, 2, 3, 4)]),
]


@isolate_apps("records")
@pytest.mark.parametrize(("field", "values"), VALUES)
def test_rows_are_joined_by_keys_of_every_type(field: Any, values: list[Any]) -> None:
    named, referring = keyed(field)
    named.objects.bulk_create(named(id=value, name=f"n{at}") for at, value in enumerate(values))
    refers = referring.objects.create(named_id=values[0])
    assert [row.named.name for row in referring.objects.select_related("named")] == ["n0"]
    assert [row.named_id for row in referring.objects.filter(named__name="n0")] == [values[0]]
    assert [row.pk for row in named.objects.filter(refers=refers)] == [values[0]]
    assert [row.pk for row in named.objects.order_by(models.F("name") * 1, "pk")] == values


@isolate_apps("records")
def test_keys_around_zero_are_computed_with() -> None:
    class Counted(models.Model):
        id = models.BigIntegerField(primary_key=True)

        class Meta:
            app_label = "records"

    Counted.objects.bulk_create(Counted(pk) for pk in (-2, -1, 0, 1))
    assert [row.pk for row in Counted.objects.filter(pk__contains="1").order_by("pk")] == [-1, 1]
    assert list(Counted.objects.annotate(n=models.F("pk") + 1).order_by("n").values_list("n", flat=True)) == [-1, 0, 1, 2]


@isolate_apps("records")
def test_a_key_is_compared_with_texts_that_name_no_entity() -> None:
    class Text(models.Model):
        id = models.CharField(max_length=9, primary_key=True)

        class Meta:
            app_label = "records"

    Text.objects.bulk_create(Text(pk) for pk in ("", "a", "B"))
    assert [row.pk for row in Text.objects.filter(pk__gt="__x__")] == ["a"]
    assert [row.pk for row in Text.objects.filter(pk__iexact="")] == [""]
    assert [row.pk for row in Text.objects.filter(pk__iexact="b")] == ["B"]
