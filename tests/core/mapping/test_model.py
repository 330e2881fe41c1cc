"""How a model's columns are mapped."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from records.models import Defaulted, EveryField, PriceUse, Record, Usage, Word

from kindstore.core.datamodel import ID, KEY, Type
from kindstore.core.mapping import mapping_of


@pytest.fixture(autouse=True)
def unblocked(django_db_blocker: Any) -> Any:
    with django_db_blocker.unblock():
        yield


def test_the_kind_is_the_table() -> None:
    assert mapping_of(Record, connection).kind == "records_record"


def test_a_mapping_is_made_once() -> None:
    assert mapping_of(Record, connection) is mapping_of(Record, connection)


def test_what_may_be_long_is_not_indexed() -> None:
    assert mapping_of(EveryField, connection).unindexed == {"binary", "json", "long_char", "text"}


def test_the_primary_key_is_the_end_of_the_key() -> None:
    mapping = mapping_of(Word, connection)
    assert mapping.key_column.column.name == ID
    assert mapping.property_name(mapping.key_column) == KEY
    assert mapping.property_name(mapping.by_name["n"]) == "n"


@pytest.mark.parametrize(
    ("model", "column", "found"),
    [(Record, "author_id", Type.INT), (Usage, "word_id", Type.STR), (PriceUse, "price_id", Type.STR), (EveryField, "time", Type.TIMESTAMP)],
)
def test_a_column_has_the_type_of_what_it_holds(model: Any, column: str, found: Type) -> None:
    assert mapping_of(model, connection).by_name[column].type is found


@pytest.mark.parametrize(
    ("column", "default", "nullable"), [("name", "", False), ("grade", 7, False), ("note", "none yet", True), ("must", None, True)]
)
def test_what_a_missing_property_reads_as(column: str, default: Any, nullable: bool) -> None:
    mapped = mapping_of(Defaulted, connection).by_name[column].column
    assert (mapped.default(), mapped.nullable) == (default, nullable)


def test_equal_columns_have_one_shape() -> None:
    mapping = mapping_of(Record, connection)
    assert mapping.shape(("n", KEY)) is mapping.shape(["n", KEY])
