"""Computes expressions for given rows: of an UPDATE, whose rows are read already, or of an INSERT."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet, FieldError, FullResultSet
from django.db.models import DateField, DateTimeField, JSONField, Value
from django.db.models.sql.query import Query
from django.utils import timezone

from ...core.datamodel import Row, Type
from ...core.mapping import mapping_of
from ...core.mapping.columns import value_field_of
from ...core.mapping.types import STORED_AS
from .recording import Statement
from .scratch import Rows, Scratch, quoted
from .storage import converted
from .tables import table_of

if TYPE_CHECKING:
    from .engine import RelationalEngine

ROWS = "kindstore rows"  # the table of the given rows; the model's own may be read by inner queries
MOST_DECLARED = 500  # statements that a connection keeps
DATE_LENGTH = len("2000-01-01")
Decode = Callable[[Any], Any]


def evaluate(
    engine: RelationalEngine, scratch: Scratch, model: Any, rows: Sequence[Row], expressions: dict[Any, Any], *, declared: bool = False
) -> list[tuple[Any, ...]]:
    """Return, for each row, the database values of the expressions."""
    results = compute(engine, scratch, model, rows, tuple(expressions.values()), declared=declared)
    decoders = [_decoder(scratch, field, expression) for field, expression in expressions.items()]
    return [tuple(decode(value) for decode, value in zip(decoders, row, strict=True)) for row in results]


def compute(
    engine: RelationalEngine, scratch: Scratch, model: Any, rows: Sequence[Row], expressions: Sequence[Any], *, declared: bool = False
) -> list[tuple[Any, ...]]:
    """Return, for each row, SQLite's values of the expressions."""
    if not rows:
        return []
    mapping = mapping_of(model, scratch.outer)
    statement = _kept(scratch, mapping.model, expressions) if declared else compiled(scratch, mapping.model, expressions)
    table = scratch.ensure(table_of(mapping.kind, [mapping]), ROWS)
    nothing = (None,) * len(mapping.columns)
    given = Rows(ROWS, tuple(table.columns), converted([row or nothing for row in rows], mapping.columns))
    return engine.run(scratch, statement, given)


def _kept(scratch: Scratch, model: Any, expressions: Sequence[Any]) -> Statement:
    """Return the statement of expressions that a model declares, compiled once and in the default time zone, whose ever request it is."""
    ids = tuple(map(id, expressions))
    kept: tuple[Statement, Sequence[Any]] | None = scratch.declared.get(ids)
    if kept is None:
        with timezone.override(None):
            kept = compiled(scratch, model, expressions), expressions  # which keep their ids from being given to others
        if len(scratch.declared) >= MOST_DECLARED:
            scratch.declared.clear()
        scratch.declared[ids] = kept
    return kept[0]


def compiled(scratch: Scratch, model: Any, expressions: Sequence[Any]) -> Statement:
    """Return the statement that computes expressions for every row, in the order in which the rows are inserted."""
    query = Query(model)
    alias = query.get_initial_alias()
    compiler = query.get_compiler(connection=scratch)
    parts: list[str] = []
    params: list[Any] = []
    with scratch.recorded() as recording:
        for expression in expressions:
            sql, values = _sql(compiler, expression)
            parts.append(f"({sql})")
            params.extend(values)
    name = scratch.ops.quote_name(alias)
    text = f"SELECT {', '.join(parts)} FROM {quoted(ROWS)} AS {name} ORDER BY {name}.{row_number(model)}"
    return Statement(model, text, tuple(params), recording, "an expression reads other rows")


def _sql(compiler: Any, expression: Any) -> tuple[str, Sequence[Any]]:
    """Compile an expression, or a condition that may be known without a row."""
    try:
        found: tuple[str, Sequence[Any]] = compiler.compile(expression)
    except FullResultSet:
        return "1", ()
    except EmptyResultSet:
        empty = getattr(expression, "empty_result_set_value", NotImplemented)
        return ("0", ()) if empty is NotImplemented else compiler.compile(Value(empty))
    return found


def row_number(model: Any) -> str:
    """Return the one of SQLite's names of a row's number that is no column's."""
    taken = {field.column.lower() for field in model._meta.local_concrete_fields}
    return next(name for name in ("_rowid_", "rowid", "oid") if name not in taken)


def _decoder(scratch: Scratch, field: Any, expression: Any) -> Decode:
    """Return what turns SQLite's value of an expression into the database value of the field that it is for."""
    outer, field = scratch.outer, value_field_of(field)
    is_integer = STORED_AS.get(field.db_type(outer)) is Type.INT
    output = _output_field(expression, field)
    is_date = isinstance(field, DateField) and not isinstance(field, DateTimeField)
    is_json = isinstance(output, JSONField) and isinstance(field, JSONField)
    steps = [*scratch.ops.get_db_converters(_Typed(output)), *output.get_db_converters(outer)]

    def decode(value: Any) -> Any:
        if value is None or (is_json and _is_json_null(value)):
            return value
        if is_date and isinstance(value, str) and len(value) == DATE_LENGTH:
            return dt.date.fromisoformat(value)  # what SQL computes from a date has no time zone, whatever Django calls its type
        for step in steps:
            value = step(value, expression, outer)
        if is_integer and isinstance(value, float):
            value = round(value)
        return field.get_db_prep_save(value, outer)

    return decode


class _Typed:
    """What Django's converters ask of an expression."""

    def __init__(self, output_field: Any) -> None:
        self.output_field = output_field


def _output_field(expression: Any, field: Any) -> Any:
    try:
        return getattr(expression, "_output_field_or_none", None) or field
    except FieldError:
        return field


def _is_json_null(value: Any) -> bool:
    return isinstance(value, str) and value.strip() == json.dumps(None)


def decoder(scratch: Scratch, field: Any) -> Decode:
    """Return what turns SQLite's value of a column into the database value of its field."""
    return _decoder(scratch, field, field.get_col(field.model._meta.db_table))
