"""Django's SQL compilers for SQLite, which note what they read and run through the engine. `ops.compiler()` finds them here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.models import DecimalField, Max, Min, Sum
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Round
from django.db.models.lookups import Lookup
from django.db.models.sql import compiler as django_compiler
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI, ROW_COUNT, SINGLE
from django.db.models.sql.where import ExtraWhere

from .functions import DECIMAL, DECIMAL_SUM
from .jsonpaths import names_a_quote, of_python
from .moments import comparable
from .parameters import adapted
from .recording import Statement
from .rounding import ROUND

if TYPE_CHECKING:
    from ...core.driver import Intent
    from .engine import RelationalEngine


class SQLCompiler(django_compiler.SQLCompiler):
    """Compiles a SELECT for the scratch database `connection`. One that the engine made, and no inner one, can also execute it."""

    engine: RelationalEngine
    reason = ""
    intent: Intent = "read"
    has_extra_select = False

    def statement(self) -> Statement:
        """Compile; raise EmptyResultSet where no row can match."""
        with self.connection.recorded() as recording:
            sql, params = self.as_sql()
        values = tuple(map(adapted, params) if recording.raw else params)
        return Statement(self.query.model, sql.strip(), values, recording, self.reason, self.intent)

    def get_from_clause(self) -> Any:
        clause = super().get_from_clause()
        if self.connection.recording is not None:
            self.connection.recording.note(self)
        return clause

    def get_select(self, with_col_aliases: bool = False) -> Any:
        select, klass_info, annotations = super().get_select(with_col_aliases)
        if hasattr(self, "engine"):
            select = [(column, exact(self, column) or sql, alias) for column, sql, alias in select]
        return select, klass_info, annotations

    def compile(self, node: Any) -> Any:
        """Compile as Django does; an expression's `as_kindstore` goes before its `as_sqlite`."""
        if self.connection.recording is not None and isinstance(node, (RawSQL, ExtraWhere)):
            self.connection.recording.raw = True
        own = getattr(node, f"as_{self.connection.outer.vendor}", None)
        if own is not None:
            return own(self, self.connection)
        if type(node) is Round:
            return node.as_sql(self, self.connection, function=ROUND)
        if not isinstance(node, (KeyTransform, Lookup)):
            return super().compile(node)
        sql, params = super().compile(comparable(node))
        return (of_python(sql) if names_a_quote(node) else sql), params

    def execute_sql(self, result_type: Any = MULTI, chunked_fetch: bool = False, chunk_size: int = GET_ITERATOR_CHUNK_SIZE) -> Any:  # noqa: ARG002
        """Run the statement over the rows that it reads. All of its results are there when this returns."""
        try:
            statement = self.statement()
        except EmptyResultSet:
            return iter(()) if result_type == MULTI else None
        rows = self.engine.run(self.connection, statement)
        if result_type == SINGLE:
            return rows[0][: self.col_count] if rows else None
        if result_type == ROW_COUNT:
            return len(rows)
        return self._chunks(rows, chunk_size) if result_type == MULTI else None

    def _chunks(self, rows: list[Any], size: int) -> Iterator[list[Any]]:
        if self.has_extra_select:
            rows = [row[: self.col_count] for row in rows]
        return iter([rows[start : start + size] for start in range(0, len(rows), size)])

    def apply_converters(self, rows: Iterable[Any], converters: dict[int, Any]) -> Iterator[list[Any]]:
        """Convert as Django does; a field's `from_db_value` is given the connection that the user knows."""
        outer, items = self.connection.outer, list(converters.items())
        for row in map(list, rows):
            for position, (conversions, expression) in items:
                value = row[position]
                for convert in conversions:
                    value = convert(value, expression, outer)
                row[position] = value
            yield row

    def explain_query(self) -> Iterator[str]:
        """Yield the lines that say how the query would run, without running it."""
        yield from self.engine.explain(self.connection, self)


# Of Django's aggregates of decimals those that have an exact result. Django casts it to a number of SQLite's: 15 digits.
_EXACT = {Max: "MAX", Min: "MIN", Sum: DECIMAL_SUM}


def exact(compiler: SQLCompiler, expression: Any) -> tuple[str, tuple[Any, ...]] | None:
    """Return the SQL of a selected aggregate of decimals that keeps every digit, None for other expressions."""
    function = _EXACT.get(type(expression))
    if function is None or not isinstance(expression._output_field_or_none, DecimalField):
        return None
    sql, params = expression.as_sql(compiler, compiler.connection, function=function)
    return f"{sql} COLLATE {DECIMAL}", tuple(params)


class SQLAggregateCompiler(SQLCompiler):
    """Compiles aggregates over an inner query."""

    def as_sql(self) -> tuple[str, tuple[Any, ...]]:
        parts: list[str] = []
        params: list[Any] = []
        for annotation in self.query.annotation_select.values():
            sql, values = exact(self, annotation) or annotation.select_format(self, *self.compile(annotation))
            parts.append(sql)
            params.extend(values)
        self.col_count = len(parts)
        inner = self.query.inner_query.get_compiler(connection=self.connection, elide_empty=self.elide_empty)
        inner_sql, inner_params = inner.as_sql(with_col_aliases=True)
        return f"SELECT {', '.join(parts)} FROM ({inner_sql}) subquery", (*params, *inner_params)
