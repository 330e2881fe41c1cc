"""One column of a model: how its values are stored, compared with, and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections

from ..datamodel import ID, Column, Type, Value
from . import conversion
from .types import STORED_AS, UNINDEXED

LONGEST_INDEXED = conversion.INDEXED_BYTES  # characters: a CharField of more than these is not indexed


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """One concrete field of a model.

    `store` converts a database value (of `Field.get_db_prep_save`) that is written, `compare` one that is compared with; neither takes
    None. `column` is the column of a Shape that reads it; `converts` tells whether what that gives may differ from the model's value.
    """

    field: Any
    name: str
    column_type: str
    indexed: bool
    nullable: bool
    is_key: bool
    collated: bool
    converts: bool
    column: Column
    store: Callable[[Any], Value]
    compare: Callable[[Any], Value]

    @property
    def type(self) -> Type:
        return self.column.type


def unquoted(name: str) -> str:
    """Return a table or column name without the quotes that a model may put around it."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def map_column(field: Any, connection: Any, *, is_key: bool) -> ColumnMapping:
    """Compile the mapping of one concrete field."""
    column_type = (field.db_type(connection) or "").partition("(")[0]
    target = target_of(field)
    indexed = is_key or _is_indexed(target, column_type)
    name = unquoted(field.column)
    store, compare = _conversions(target, column_type, indexed=indexed)
    nullable = field.null or (is_key and not field.primary_key)
    column = Column(
        ID if is_key else name,
        STORED_AS.get(column_type, Type.ANY),
        _default(field, connection.alias, store),
        nullable=nullable or not _has_default(field),
    )
    collated = bool(getattr(target, "db_collation", None))
    converts = column_type in conversion.LOADERS or column_type == "datetime" or hasattr(field, "from_db_value")
    return ColumnMapping(field, name, column_type, indexed, nullable, is_key, collated, converts, column, store, compare)


def target_of(field: Any) -> Any:
    """Return the field whose values a column holds: a foreign key's is the field that it points at, in the end."""
    while getattr(field, "remote_field", None) and hasattr(field, "target_field"):
        field = field.target_field
    return field


def _is_indexed(field: Any, column_type: str) -> bool:
    if column_type in UNINDEXED:
        return False
    return column_type != "string" or (field.max_length is not None and field.max_length <= LONGEST_INDEXED) or _fixed(field)


def _fixed(field: Any) -> bool:
    """Tell whether a string column without a max_length has short values all the same, as addresses do."""
    return field.max_length is None and field.get_internal_type() in ("GenericIPAddressField", "IPAddressField")


def _conversions(field: Any, column_type: str, *, indexed: bool) -> tuple[conversion.Store, conversion.Store]:
    if column_type == "decimal":
        digits = getattr(field, "max_digits", None), getattr(field, "decimal_places", None)
        return conversion.decimal_storer(*digits), conversion.decimal_comparer(*digits)
    if column_type == "string" and not indexed:
        return conversion.store_text, conversion.store_text
    store = conversion.STORERS.get(column_type, conversion.store_any)
    return store, conversion.store_text if store is conversion.store_indexed_text else store


def _has_default(field: Any) -> bool:
    return bool(field.has_default() or field.empty_strings_allowed)


def _default(field: Any, alias: str, store: conversion.Store) -> Callable[[], Value]:
    """Return what a missing property reads as: the field's default, in the store's form."""

    def default() -> Value:
        value = field.get_db_prep_save(field.get_default(), connections[alias])
        return None if value is None or hasattr(value, "resolve_expression") else store(value)

    return default
