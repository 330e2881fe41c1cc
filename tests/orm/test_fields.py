"""Fields: what is stored comes back, is found again, and sorts as Django's values do."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, models
from django.db.utils import IntegrityError, NotSupportedError
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from records.models import Defaulted, EveryField, Nullable, Record

from kindstore.core.datamodel import ENTITY, Column, Entity, Key, Mutation, Shape, Verb
from kindstore.core.mapping import conversion

FIELDS = [field.name for field in EveryField._meta.concrete_fields if not field.primary_key]
UNINDEXED = ("binary", "json", "long_char", "text")
NULLABLE = [field.name for field in Nullable._meta.concrete_fields if not field.primary_key]


def stored(obj: models.Model) -> Entity:
    """Return the entity of a row, as the store has it."""
    session = connection.session
    key = Key(((obj._meta.db_table, obj.pk),), session.namespace())
    ((entity,),) = session.lookup([key], Shape((Column(ENTITY),)))
    return entity


def put(kind: str, ident: int, **properties: Any) -> None:
    """Write an entity as somebody else would."""
    session = connection.session
    key = Key(((kind, ident),), session.namespace())
    session.store.commit([Mutation(Verb.UPSERT, key, Entity(key, properties))])


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_comes_back_as_it_was(name: str) -> None:
    obj = EveryField.objects.create()
    found = getattr(EveryField.objects.get(pk=obj.pk), name)
    assert found == getattr(obj, name)
    assert type(found) is type(getattr(obj, name)) or name in ("binary", "file")


@pytest.mark.parametrize("name", FIELDS)
def test_values_list_gives_what_the_instance_has(name: str) -> None:
    obj = EveryField.objects.create()
    assert EveryField.objects.values_list(name, flat=True).get() == getattr(EveryField.objects.get(pk=obj.pk), name)


@pytest.mark.parametrize("name", sorted(set(FIELDS) - set(UNINDEXED)))
def test_a_row_is_found_by_its_value(name: str) -> None:
    obj = EveryField.objects.create()
    assert EveryField.objects.filter(**{name: getattr(obj, name)}).get().pk == obj.pk


@pytest.mark.parametrize("name", UNINDEXED)
def test_long_values_are_not_indexed(name: str) -> None:
    assert name in stored(EveryField.objects.create()).unindexed


@pytest.mark.parametrize("name", UNINDEXED)
def test_a_filter_on_what_is_not_indexed_names_the_plugin_that_answers_it(name: str) -> None:
    with pytest.raises(NotSupportedError, match=rf"EveryField\.{name} is not indexed.*'relational'"):
        list(EveryField.objects.filter(**{name: "x" if name != "binary" else b"x"}))


def test_every_column_is_written_null_included() -> None:
    row = Nullable.objects.create()
    assert dict(stored(row).properties) == dict.fromkeys(NULLABLE)


@pytest.mark.parametrize("name", NULLABLE)
def test_null_comes_back_and_is_found(name: str) -> None:
    row = Nullable.objects.create()
    assert getattr(Nullable.objects.get(pk=row.pk), name) is None
    assert Nullable.objects.filter(**{f"{name}__isnull": True}).count() == 1


ORDERED: dict[str, list[Any]] = {
    "text": ["", "A", "a", "aa", "z", "é", "\uffff", "😀"],
    "number": [-(2**63), -2, 0, 3, 2**63 - 1],
    "real": [float("-inf"), -1e300, -0.5, 0.0, 5e-324, 0.5, 1e300, float("inf")],
    "price": [Decimal(text) for text in ("-1000000", "-10", "-2.5", "-2", "-0.001", "0", "0.001", "3.5", "20", "1000000")],
    "day": [dt.date.min, dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date.max],
    "at": [
        dt.datetime(1, 1, 2, tzinfo=dt.UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        dt.datetime(9999, 12, 30, tzinfo=dt.UTC),
    ],
    "time": [dt.time.min, dt.time(0, 0, 0, 1), dt.time(12), dt.time.max],
    "span": [dt.timedelta(days=-400), dt.timedelta(microseconds=-1), dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(days=4000)],
}


@pytest.mark.parametrize("name", NULLABLE)
def test_values_sort_as_in_python_after_null(name: str) -> None:
    values = [*ORDERED[name], None]
    Nullable.objects.bulk_create(Nullable(**{name: value}) for value in reversed(values))
    assert list(Nullable.objects.order_by(name).values_list(name, flat=True)) == [None, *ORDERED[name]]


@pytest.mark.parametrize("name", NULLABLE)
def test_less_and_greater_divide_the_values(name: str) -> None:
    values = ORDERED[name]
    Nullable.objects.bulk_create(Nullable(**{name: value}) for value in [None, *values])
    middle, found = values[2], Nullable.objects.order_by(name).values_list(name, flat=True)
    assert list(found.filter(**{f"{name}__lt": middle})) == values[:2]
    assert list(found.filter(**{f"{name}__gte": middle})) == values[2:]


def test_an_aware_datetime_of_another_zone_is_the_same_instant() -> None:
    at = dt.datetime(2024, 7, 1, 12, 30, 0, 123456, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
    row = Nullable.objects.create(at=at)
    assert Nullable.objects.get(pk=row.pk).at == at
    assert Nullable.objects.filter(at=at).exists()


def test_a_naive_datetime_comes_back_naive_without_time_zones(settings: Any) -> None:
    settings.USE_TZ = False
    naive = dt.datetime(2024, 7, 1, 12, 30, tzinfo=dt.UTC).replace(tzinfo=None)
    row = Nullable.objects.create(at=naive)
    assert Nullable.objects.get(pk=row.pk).at == naive


def test_an_aware_datetime_is_refused_without_time_zones(settings: Any) -> None:
    settings.USE_TZ = False
    with pytest.raises(ValueError, match="USE_TZ is False"):
        Nullable.objects.create(at=dt.datetime(2024, 7, 1, tzinfo=dt.UTC))


def test_a_decimal_is_rounded_to_its_places_half_away_from_zero() -> None:
    row = Record.objects.create(price=Decimal("-0.005"))
    row.refresh_from_db()
    assert row.price == Decimal("-0.01")


def test_a_decimal_with_more_places_is_compared_exactly() -> None:
    Nullable.objects.bulk_create([Nullable(price=Decimal("1.234")), Nullable(price=Decimal("1.235"))])
    assert [row.price for row in Nullable.objects.filter(price__gt=Decimal("1.2345"))] == [Decimal("1.235")]
    assert not Nullable.objects.filter(price=Decimal("1.2345")).exists()


@pytest.mark.parametrize("form", [str, lambda uid: uid.hex, lambda uid: uid])
def test_a_uuid_is_found_in_each_of_its_forms(form: Any) -> None:
    uid = uuid.uuid4()
    EveryField.objects.create(uuid=form(uid))
    assert EveryField.objects.get(uuid=form(uid)).uuid == uid


def test_a_whole_number_in_a_float_field_is_a_float() -> None:
    row = Nullable.objects.create(real=3)
    assert type(stored(row).properties["real"]) is float
    assert Nullable.objects.filter(real=3).exists()


def test_negative_zero_is_zero() -> None:
    Nullable.objects.create(real=-0.0)
    assert Nullable.objects.filter(real=0).exists()


@pytest.mark.parametrize("text", [lazystr("lazy"), mark_safe("lazy")])
def test_lazy_and_safe_strings_are_stored_as_plain_ones(text: Any) -> None:
    row = Record.objects.create(name=text)
    assert type(stored(row).properties["name"]) is str
    assert Record.objects.get(name=text).name == "lazy"


@pytest.mark.parametrize("name", ["integer", "small", "positive", "positive_small", "positive_big", "big"])
def test_every_integer_has_64_bits(name: str) -> None:
    obj = EveryField(**{name: 2**63 - 1})
    obj.full_clean(exclude=["maybe", "path", "json"])
    obj.save()
    assert getattr(EveryField.objects.get(), name) == 2**63 - 1


@pytest.mark.parametrize("value", [None, 0, "", [], {"a": [1, None, {"b": 2.5}]}, "text", True])
def test_json_comes_back(value: Any) -> None:
    row = EveryField.objects.create(json=models.Value(value, models.JSONField()) if value is None else value)
    assert EveryField.objects.get(pk=row.pk).json == value


def test_an_update_tells_the_null_of_json_from_that_of_the_column() -> None:
    row = EveryField.objects.create()
    EveryField.objects.update(json=models.Value(None, models.JSONField()))
    assert stored(row).properties["json"] == "null"
    with pytest.raises(IntegrityError, match=r"EveryField\.json cannot be null"):
        EveryField.objects.update(json=None)


def test_a_missing_property_reads_as_the_default() -> None:
    put("records_defaulted", 5, name="old", must=1)
    row = Defaulted.objects.get(pk=5)
    assert (row.name, row.grade, row.note) == ("old", 7, "none yet")


def test_a_null_property_that_cannot_be_null_reads_as_the_default() -> None:
    put("records_defaulted", 5, name="old", must=1, grade=None, note=None)
    row = Defaulted.objects.get(pk=5)
    assert (row.grade, row.note) == (7, None)


def test_saving_writes_what_was_missing() -> None:
    put("records_defaulted", 5, name="old", must=1)
    Defaulted.objects.get(pk=5).save()
    assert Defaulted.objects.filter(grade=7).count() == 1


@pytest.mark.parametrize("name", ["name", "must"])
def test_null_in_a_column_that_cannot_be_null_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match=rf"records\.Defaulted\.{name} cannot be null"):
        Defaulted.objects.create(**{"name": "x", "must": 1, name: None})
    assert not Defaulted.objects.exists()


class Frozen(dt.datetime):
    """What tools that freeze the clock, and libraries of dates, give for a datetime."""


def test_a_subclass_of_datetime_is_stored_and_found_as_a_datetime(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, moment = dt.datetime, Frozen(2024, 5, 5, 10, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    monkeypatch.setattr(conversion, "dt", SimpleNamespace(**{**vars(dt), "datetime": Frozen}))
    obj = Nullable.objects.create(at=moment, day=moment.date(), time=moment.time())
    assert [type(value) for value in stored(obj).properties.values() if isinstance(value, exact)] == [exact] * 3
    assert Nullable.objects.get(at__gte=moment, day=moment.date(), time=moment.time()).at == moment
    assert Nullable.objects.get(pk=obj.pk, at=moment).at == moment
