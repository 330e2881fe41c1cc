"""INSERT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import Value as Literal
from django.db.models.sql import compiler
from django.db.utils import NotSupportedError

from ...datamodel import Value
from ...executor.expressions import saved_literal, underlying
from ...mapping import ColumnMapping, ModelMapping, mapping_of
from ..statement import execute
from .conflicts import ConflictingInsertion, conflict_of
from .insertion import Insertion

if TYPE_CHECKING:
    from ...roles import ResidualEngine
    from ...session.session import Session

SHOWN = 10  # rows of an INSERT in its text


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    """Inserts rows: one commit, no read."""

    def execute_sql(self, returning_fields: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        self.returning_fields = returning_fields
        session = self.connection.session
        mapping = mapping_of(self.query.model, self.connection)
        rows = RowBuilder(self, session, mapping).rows()
        if self.query.on_conflict is None:
            insertion = Insertion(session, mapping, rows)
        else:
            correct = partial(self._correct, mapping)
            insertion = ConflictingInsertion(session, mapping, rows, conflict_of(self.query, mapping), correct)
        execute(self.connection, lambda: self._described(mapping, rows), insertion.run)
        return self._returned(mapping, insertion.final) if returning_fields else []

    def _correct(self, mapping: ModelMapping, rows: list[dict[str, Value]]) -> None:
        """Give the objects of bulk_create() what it has given them of other rows."""
        fields = self.returning_fields or ()
        for obj, values in zip(self.query.objs, self._returned(mapping, rows), strict=True):
            for field, value in zip(fields, values, strict=True):
                setattr(obj, field.attname, value)

    def _returned(self, mapping: ModelMapping, rows: list[dict[str, Value]]) -> list[tuple[Any, ...]]:
        """Return the values of the fields that the caller wants to know, as the model has them."""
        columns = [mapping.by_field[field] for field in self.returning_fields or ()]
        found = [[row.get(column.name) for column in columns] for row in rows]
        for position, steps in mapping.load_converters(columns, self.connection):
            for values in found:
                for step in steps:
                    values[position] = step(values[position])
        return [tuple(values) for values in found]

    def as_sql(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Return the statement as SQL, for people to read. The rows are not there: to make them may have effects."""
        return [self._described(mapping_of(self.query.model, self.connection), [])]

    def _described(self, mapping: ModelMapping, rows: Sequence[dict[str, Value]]) -> tuple[str, tuple[Any, ...]]:
        """Return the statement as SQL, with the first rows."""
        columns = [mapping.by_field[field].name for field in self.query.fields if field in mapping.by_field]
        quote, table = self.connection.ops.quote_name, self.connection.ops.quote_name(mapping.kind)
        shown, more = rows[:SHOWN], len(rows) - SHOWN
        marks = f"({', '.join(['%s'] * len(columns))})"
        parts = ["INSERT INTO", table, f"({', '.join(map(quote, columns))})" if columns else "DEFAULT"]
        parts.append(f"VALUES {', '.join([marks] * len(shown))}" if columns else "VALUES")
        parts += [f"/* and {more} more */"] * (more > 0)
        if self.returning_fields:
            parts.append(f"RETURNING {', '.join(f'{table}.{quote(field.column)}' for field in self.returning_fields)}")
        return " ".join(parts), tuple(row.get(column) for row in shown for column in columns)


class RowBuilder:
    """Makes rows of stored values, by column, from the objects of an INSERT."""

    def __init__(self, sql_compiler: SQLInsertCompiler, session: Session, mapping: ModelMapping) -> None:
        self.compiler, self.session, self.mapping = sql_compiler, session, mapping
        self.given = [mapping.by_field[field] for field in sql_compiler.query.fields if field in mapping.by_field]
        given = set(self.given)
        self.missing = [column for column in mapping.columns if column not in given and not column.is_key]
        self.found: list[tuple[ColumnMapping, Any]] = []  # the expressions of the row that is being read
        self.computed: dict[tuple[str, int], Computed] = {}

    def rows(self) -> list[dict[str, Value]]:
        """Return a row for each object; every column of the model is in it."""
        build, limit = self._builder(), self.session.capabilities.entity_bytes
        rows = [build(obj) for obj in self.compiler.query.objs]
        self._compute()
        for row in rows:
            self.mapping.check_size(row, limit)
        return rows

    def _builder(self) -> Callable[[Any], dict[str, Value]]:
        readers = [(column, self._reader(column)) for column in self.given]
        missing, found, computed = self.missing, self.found, self.computed

        def build(obj: Any) -> dict[str, Value]:
            row = {column.name: read(obj) for column, read in readers}
            for column in missing:
                row[column.name] = column.column.default()
            if found:
                for column, expression in found:
                    computed.setdefault((column.name, id(expression)), Computed(column, expression, [])).rows.append(row)
                found.clear()
            return row

        return build

    def _reader(self, column: ColumnMapping) -> Callable[[Any], Value]:
        """Return the function from an object to a column's stored value; an expression is noted, and computed when all are known."""
        field, connection, saved = column.field, self.compiler.connection, self.mapping.saved
        raw = self.compiler.query.raw

        def read(obj: Any) -> Value:
            value = getattr(obj, field.attname) if raw else field.pre_save(obj, True)
            if hasattr(value, "resolve_expression"):
                value = underlying(value)
                if not isinstance(value, Literal):
                    self.found.append((column, value))
                    return None
                value = saved_literal(value, field)
            return saved(column, value, connection)

        return read

    def _compute(self) -> None:
        """Have the residual engine compute the expressions, each once for all the rows that share it, as database defaults do."""
        connection = self.compiler.connection
        for each in self.computed.values():
            column, engine = each.column, self._engine(each)
            declared = each.expression is column.field.__dict__.get("_db_default_expression")
            resolved = self._default(column) if declared else self.compiler.prepare_value(column.field, each.expression)
            nothing: list[tuple[Any, ...]] = [()] * len(each.rows)
            values = engine.evaluate(connection, self.mapping.model, nothing, {column.field: resolved}, declared=declared)
            for row, (value,) in zip(each.rows, values, strict=True):
                row[column.name] = self.mapping.store(column, value)

    def _engine(self, computed: Computed) -> ResidualEngine:
        if self.session.engine is None:
            raise NotSupportedError(
                f"{self.mapping.label}.{computed.column.field.name} is given the expression {computed.expression!r}, and the store "
                f"computes none. Add 'relational' to PLUGINS of DATABASES[{self.compiler.connection.alias!r}], or give it a plain value."
            )
        return self.session.engine

    def _default(self, column: ColumnMapping) -> Any:
        """Return the database default of a column, resolved: the same object each time."""
        defaults = self.mapping.remember("database defaults", dict)
        if column.name not in defaults:
            defaults[column.name] = self.compiler.prepare_value(column.field, column.field._db_default_expression)
        return defaults[column.name]


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression that a column is given, and the rows that it is for."""

    column: ColumnMapping
    expression: Any
    rows: list[dict[str, Value]]
