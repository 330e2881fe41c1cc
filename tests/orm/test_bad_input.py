"""What the store cannot hold is refused with an error that says which field, what the value is, and the limit; nothing is written."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection
from django.db.models import F
from django.db.utils import DatabaseError, DataError, IntegrityError
from records.models import Author, Defaulted, EveryField, Nullable, Record, Word

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.testing import connection_with

ENGINES = {
    "memory": "kindstore.drivers.memory",
    "datastore": "kindstore.drivers.datastore",
    "firestore": "kindstore.drivers.firestore_datastore_mode",
}
ENGINE = ENGINES[os.environ.get("KINDSTORE_TEST_DRIVER") or "memory"]
BEYOND = 2**63

REFUSED: list[Any] = [
    pytest.param(lambda: Record.objects.create(name="é" * 751), DataError, ["records.Record.name", "1502", "1500"], id="long string"),
    pytest.param(
        lambda: Word.objects.create(pk="x" * 1501), (DataError, IntegrityError), ["records.Word.text", "1501", "1500"], id="long key"
    ),
    pytest.param(lambda: Record.objects.create(pk=-BEYOND), IntegrityError, ["records.Record.id", str(BEYOND)], id="least key"),
    pytest.param(lambda: Word.objects.create(pk="__x__"), IntegrityError, ["records.Word.text", "'__x__'"], id="reserved key"),
    pytest.param(lambda: Word.objects.create(pk="____"), IntegrityError, ["records.Word.text", "'____'"], id="shortest reserved key"),
    pytest.param(lambda: Record.objects.create(n=BEYOND), DataError, ["records.Record.n", str(BEYOND), "64 bits"], id="large int"),
    pytest.param(lambda: Record.objects.create(n=-BEYOND - 1), DataError, ["records.Record.n", "64 bits"], id="small int"),
    pytest.param(lambda: Record.objects.create(pk=BEYOND), DataError, ["records.Record.id", "64 bits"], id="large key"),
    pytest.param(
        lambda: EveryField.objects.create(text="x" * 2**20), DataError, ["records.EveryField", "text", "1048572"], id="large entity"
    ),
    pytest.param(lambda: EveryField.objects.create(binary=b"x" * 2**20), DataError, ["records.EveryField", "binary"], id="large bytes"),
    pytest.param(
        lambda: Record.objects.create(name="a\ud800"), DataError, ["records.Record.name", "surrogate", "position 1"], id="surrogate"
    ),
    pytest.param(
        lambda: EveryField.objects.create(text="\udfff"), DataError, ["records.EveryField.text", "surrogate"], id="surrogate in text"
    ),
    pytest.param(lambda: Word.objects.create(pk="\ud800"), DataError, ["records.Word.text", "surrogate"], id="surrogate in key"),
    pytest.param(lambda: Record.objects.create(price=Decimal("NaN")), (DataError, ValidationError), ["NaN"], id="NaN in decimal"),
    pytest.param(
        lambda: Record.objects.create(price=Decimal("Infinity")), (DataError, ValidationError), ["Infinity"], id="infinite decimal"
    ),
    pytest.param(lambda: Record.objects.create(price=Decimal(10**6)), DataError, ["records.Record.price", "8 digits"], id="decimal digits"),
    pytest.param(lambda: EveryField.objects.create(json={"a": float("nan")}), DataError, ["JSON", "EveryField.json"], id="NaN in JSON"),
    pytest.param(lambda: Record.objects.create(name=None), IntegrityError, ["records.Record.name", "null"], id="null"),
    pytest.param(
        lambda: Nullable.objects.create(at=dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-5)))),
        DataError,
        ["records.Nullable.at", "1 to 9999"],
        id="date out of range",
    ),
    pytest.param(
        lambda: Nullable.objects.create(span=dt.timedelta.max), DataError, ["records.Nullable.span", "64 bits"], id="duration out of range"
    ),
]


@pytest.mark.parametrize(("write", "error", "said"), REFUSED)
def test_a_value_that_the_store_cannot_hold_is_refused(write: Callable[[], Any], error: Any, said: list[str]) -> None:
    with pytest.raises(error) as caught:
        write()
    assert [text for text in said if text not in str(caught.value)] == []
    assert count_rows() == 0


UPDATES: list[dict[str, Any]] = [
    {"name": "x" * 1501},
    {"name": "\ud800"},
    {"name": None},
    {"n": BEYOND},
    {"price": Decimal(10**7)},
]


@pytest.mark.parametrize("values", UPDATES, ids=lambda values: next(iter(values)))
def test_an_update_refuses_the_same(values: dict[str, Any]) -> None:
    Record.objects.create(pk=1, name="kept", n=5)
    with pytest.raises(DatabaseError, match=rf"records\.Record\.{next(iter(values))}"):
        Record.objects.filter(n=5).update(**values)
    assert Record.objects.values_list("name", "n", "price").get() == ("kept", 5, None)


def test_an_increment_beyond_64_bits_is_refused() -> None:
    Record.objects.create(pk=1, n=2**63 - 2, m=2**63 - 2)
    with pytest.raises(DataError, match=r"records\.Record\.m"):
        Record.objects.filter(pk=1).update(m=F("m") + 5)
    with pytest.raises(DataError, match=r"records\.Record.*\bn\b"):
        Record.objects.filter(pk=1).update(n=F("n") + 5)
    assert Record.objects.get().m == 2**63 - 2


def test_what_an_encoder_makes_has_to_be_json(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder(json.JSONEncoder):
        def encode(self, o: Any) -> str:
            return "{" if o == "bad" else super().encode(o)

    monkeypatch.setattr(EveryField._meta.get_field("json"), "encoder", Encoder)
    with pytest.raises(DataError, match=r"records\.EveryField\.json .*has no form in JSON"):
        EveryField.objects.create(json="bad")
    assert EveryField.objects.create(json="good").json == "good"


def test_a_key_cannot_be_updated() -> None:
    Record.objects.create(pk=1)
    with pytest.raises(DatabaseError, match=r"records\.Record\.id.*primary key"):
        Record.objects.update(id=2)


@pytest.mark.parametrize("bad", [{"name": "x" * 1501}, {"name": None}, {"n": BEYOND}, {"pk": -BEYOND}], ids=str)
def test_a_batch_with_one_bad_row_writes_none_of_it(bad: dict[str, Any]) -> None:
    rows = [Record(name=f"row {i}") for i in range(10)]
    rows.insert(7, Record(**bad))
    with pytest.raises(DatabaseError, match=r"records\.Record"):
        Record.objects.bulk_create(rows)
    assert count_rows() == 0


def test_a_batch_with_a_taken_key_writes_none_of_its_chunk() -> None:
    Record.objects.create(pk=5, name="first")
    with pytest.raises(IntegrityError, match=r"records\.Record\.id.*5"):
        Record.objects.bulk_create([Record(pk=pk) for pk in (3, 4, 5, 6)])
    assert list(Record.objects.values_list("pk", "name")) == [(5, "first")]


def test_a_batch_that_repeats_a_key_writes_nothing() -> None:
    with pytest.raises(IntegrityError, match=r"records\.Record\.id.*3"):
        Record.objects.bulk_create([Record(pk=3), Record(pk=4), Record(pk=3)])
    assert count_rows() == 0


def test_an_error_in_a_later_chunk_says_what_was_written() -> None:
    limit = min(connection.session.capabilities.entity_groups or 500, 500)
    Record.objects.create(pk=limit + 5)
    with pytest.raises(IntegrityError, match=rf"The first {limit} of {limit + 10} rows had been written"):
        Record.objects.bulk_create(Record(pk=pk) for pk in range(1, limit + 11))
    assert Record.objects.count() == limit + 1


def test_an_entity_whose_property_has_another_type_is_named() -> None:
    session = connection.session
    key = Key((("records_author", 77),), session.namespace())
    session.store.commit([Mutation(Verb.UPSERT, key, Entity(key, {"name": "foreign", "born": "in spring"}))])
    with pytest.raises(DataError, match=r"born.*records_author:77.*str.*int"):
        list(Author.objects.all())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"plugins": ["relationall"]}, ["relationall", "'relational'"]),
        ({"plugins": ["no.such.Plugin"]}, ["no.such.Plugin"]),
        ({"options": {"relational": {"max_row": 5}}, "plugins": ["relational"]}, ["max_row", "max_rows"]),
        ({"options": {"relational": {}}}, ["relational"]),
        ({"options": {"ids": "odd"}}, ["'odd'", "'random'", "'sequential'"]),
        ({"options": {"driver": {"colour": "red"}}}, ["colour"]),
        ({"driver": "kindstore.drivers.no_such_driver"}, ["no_such_driver"]),
    ],
    ids=["plugin", "path", "plugin's option", "option of a plugin that is off", "ids", "driver's option", "driver"],
)
def test_an_unknown_name_in_the_settings_is_refused(settings: dict[str, Any], said: list[str]) -> None:
    project = {"PROJECT": "kindstore-tests"} if "memory" not in ENGINE else {}
    with pytest.raises(ImproperlyConfigured) as caught, connection_with(**{"driver": ENGINE, **settings}, **project) as wrong:
        Record.objects.using(wrong.alias).count()
    assert [text for text in said if text not in str(caught.value)] == []


def count_rows() -> int:
    """Return how many rows the models that are written here have."""
    return sum(model.objects.count() for model in (Record, Word, EveryField, Nullable, Defaulted))
