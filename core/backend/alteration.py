"""What an added or altered column makes of the entities: old stored value -> Python -> new stored value."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Value as ValueExpression
from django.db.utils import DataError, IntegrityError, NotSupportedError
from django.utils import timezone

from ..datamodel import Entity, Value
from ..mapping import mapping_of
from ..mapping.columns import ColumnMapping, map_column, target_of
from ..mapping.conversion import Refusal
from .rewriting import Assignment

Convert = Callable[[Any], Any]


def form_of(column: ColumnMapping) -> tuple[Any, ...]:
    """Return what decides how a column's values are stored: two columns of one form store a value alike."""
    target = target_of(column.field)
    digits = (target.max_digits, target.decimal_places) if column.column_type == "decimal" else None
    return "string" if column.column_type == "text" else column.column_type, digits, column.indexed


def database_default(field: Any, effective: Any) -> Any:
    """Return the database value that rows get which were there before a field: its `db_default`, else Django's effective default."""
    if not field.has_db_default():
        return effective
    expression = field._db_default_expression
    if isinstance(expression, ValueExpression):
        return expression.value
    raise NotSupportedError(
        f"The column {field.column!r} has the db_default {expression!r}, which only SQL can compute for the rows that are "
        "there. Give it a plain value, or fill the rows by RunPython in a migration of its own."
    )


def fill(field: Any, effective: Any, connection: Any) -> Callable[[Entity], Assignment | None]:
    """Return what adds a column to an entity: the field's default, where the property is missing."""
    column = map_column(field, connection, is_key=False)
    value = _stored_default(column, effective)
    unindexed = frozenset() if column.indexed else frozenset((column.name,))

    def assignment(entity: Entity) -> Assignment | None:
        if column.name in entity.properties:
            return None
        if value is None and not field.null:
            raise IntegrityError(_no_default(column, entity))
        return Assignment({column.name: value}, unindexed)

    return assignment


class Alteration:
    """The change of one column, entity by entity."""

    def __init__(self, old_field: Any, new_field: Any, effective: Any, connection: Any) -> None:
        self.connection = connection
        self.old = map_column(old_field, connection, is_key=False)
        self.new = map_column(new_field, connection, is_key=False)
        self.renames = self.old.name != self.new.name
        self.converts = form_of(self.old) != form_of(self.new)
        self.requires_value = old_field.null and not new_field.null
        self.default = _stored_default(self.new, effective) if self.requires_value else None
        self.unindexed = frozenset() if self.new.indexed else frozenset((self.new.name,))
        self._load = _loader(self.old, connection) if self.converts else None

    @property
    def rewrites(self) -> bool:
        """Whether stored entities may have to change."""
        return self.renames or self.converts or self.requires_value

    def __call__(self, entity: Entity) -> Assignment | None:
        """Return what becomes of an entity; one that lacks the property keeps lacking it."""
        if self.old.name not in entity.properties:
            return None
        old = entity.properties[self.old.name]
        new = self._null(entity) if old is None else self._converted(entity, old) if self.converts else old
        reindexed = (self.old.name in entity.unindexed) != bool(self.unindexed)
        if not self.renames and not reindexed and new == old and type(new) is type(old):
            return None
        return Assignment({self.new.name: new}, self.unindexed, (self.old.name,) if self.renames else ())

    def _null(self, entity: Entity) -> Value:
        if self.requires_value and self.default is None:
            raise IntegrityError(_no_default(self.new, entity))
        return self.default

    def _converted(self, entity: Entity, value: Value) -> Value:
        try:
            return self._convert(value)
        except (ValidationError, Refusal, ValueError, TypeError, ArithmeticError) as error:
            reason = error.messages[0] if isinstance(error, ValidationError) else error
            raise DataError(
                f"Property {self.old.name!r} of entity {entity.key} holds {value!r}, which cannot become a "
                f"{type(self.new.field).__name__}: {reason} Change the value, then run the migration again: it goes on where it stopped."
            ) from None

    def _convert(self, value: Any) -> Value:
        kinds = self.old.column_type, self.new.column_type
        if kinds in AS_THEY_ARE:
            return self.new.store(AS_THEY_ARE[kinds](value))
        assert self._load is not None
        value = CASTS.get(kinds, _same)(self._load(value))
        value = self.new.field.get_db_prep_save(target_of(self.new.field).to_python(value), self.connection)
        return None if value is None else self.new.store(value)


def _same(value: Any) -> Any:
    return value


def _json_text(text: str) -> str:
    json.loads(text)
    return text


def _midnight(day: dt.date) -> dt.datetime:
    moment = dt.datetime.combine(day, dt.time())
    return timezone.make_aware(moment) if timezone.settings.USE_TZ else moment


# Pairs of column types whose stored values correspond, without Python's own values in between.
AS_THEY_ARE: dict[tuple[str, str], Convert] = {
    ("json", "text"): _same,
    ("json", "string"): _same,
    ("text", "json"): _json_text,
    ("string", "json"): _json_text,
    ("bytes", "text"): bytes.decode,
    ("bytes", "string"): bytes.decode,
    ("text", "bytes"): str.encode,
    ("string", "bytes"): str.encode,
}
# Pairs whose Python values need more than the new field's `to_python`.
CASTS: dict[tuple[str, str], Convert] = {("date", "datetime"): _midnight}


def _loader(column: ColumnMapping, connection: Any) -> Convert:
    converters = mapping_of(column.field.model, connection).load_converters([column], connection)
    steps = [step for _, found in converters for step in found]

    def load(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return load


def _stored_default(column: ColumnMapping, effective: Any) -> Value:
    default = database_default(column.field, effective)
    return None if default is None else column.store(default)


def _no_default(column: ColumnMapping, entity: Entity) -> str:
    return (
        f"NOT NULL constraint failed: entity {entity.key} has no value for the column {column.name!r}, which cannot be null. "
        "Give the field a default, or fill the rows in a migration before."
    )
