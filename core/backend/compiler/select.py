"""SELECT."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models.sql import compiler
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI, SINGLE

from ...driver import ReadOptions
from ...executor import read
from ...planner.explain import describe_plan
from ...planner.predicate import NotNativeError
from ...planner.reading_config import reading_config
from ...planner.selection import Output, Selection
from ..statement import execute, noted
from .calculation import calculate
from .locking import read_intent
from .planning import Planning, asks_what_is_taken, refuse

if TYPE_CHECKING:
    from ...datamodel import Row
    from ...driver import Intent

Chunks = Iterator[list[Any]]


class SQLCompiler(compiler.SQLCompiler):
    """Runs a SELECT natively, or hands it to the residual engine: then `engine_compiler` answers everything."""

    engine_compiler: Any = None
    selection: Selection | None = None

    def execute_sql(self, result_type: str | None = MULTI, chunked_fetch: bool = False, chunk_size: int = GET_ITERATOR_CHUNK_SIZE) -> Any:
        if self._is_nothing():
            self.setup_query()  # describes the columns to Django's iterables
            return iter(()) if result_type == MULTI else None
        return execute(self.connection, self._described, lambda: self._run(result_type, chunked_fetch, chunk_size))

    def _described(self) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL of the query; compiling takes what it compiles to pieces."""
        sql, params = type(self)(self.query.clone(), self.connection, self.using, self.elide_empty).as_sql()
        return (f"{sql} {self.connection.ops.for_update_sql()}" if self.query.select_for_update else sql), params

    def _run(self, result_type: str | None, chunked_fetch: bool, chunk_size: int) -> Any:
        try:
            chunks = self._native_chunks(chunk_size if chunked_fetch else None)
        except (EmptyResultSet, FullResultSet):
            chunks = iter(())
        except NotNativeError as error:
            return self._execute_residually(str(error), result_type, chunked_fetch, chunk_size)
        if result_type == MULTI:
            return noted(self.connection, chunks) if chunked_fetch else list(chunks)
        if result_type == SINGLE:
            return next((chunk[0] for chunk in chunks if chunk), None)
        return None

    def _is_nothing(self) -> bool:
        """Tell whether no row can match, as of `none()`, so that no connection is needed. An aggregate may want a row all the same."""
        return bool(self.elide_empty and not self.query.combinator and self.query.is_empty())

    def _native_chunks(self, page_size: int | None) -> Chunks:
        planning = Planning(self.query, self.connection)
        self.selection = selection = planning.selection()
        truth = planning.filter(selection.predicate)
        if selection.calculations:
            return iter(() if truth is False and self.elide_empty else [[calculate(planning, selection, truth)]])
        self._describe_columns(selection)
        if truth is False:
            return iter(())
        plan = planning.select_plan(selection, truth)
        options = ReadOptions(page_size=reading_config(self.query).page_size or page_size, intent=read_intent(self.query, self.connection))
        return _shaped(read(plan, planning.session, options), selection)

    def native_selection(self) -> Selection:
        """Return what a query selects that runs natively; raise NotNativeError for any other."""
        return Planning(self.query, self.connection).selection()

    def native_rows(self) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a query that runs natively; raise NotNativeError for any other."""
        chunks = self._native_chunks(None)
        assert self.selection is not None
        rows: Iterator[tuple[Any, ...]] = self.results_iter(chunks, tuple_expected=True)
        return rows

    def _describe_columns(self, selection: Selection) -> None:
        """Tell Django's iterables which values of a row are which fields."""
        self.select = [(output.column.field.cached_col if output.column else None, None, None) for output in selection.outputs]
        self.col_count = len(self.select)
        self.annotation_col_map = {}
        if self.query.annotation_select or self.query.selected:
            self.annotation_col_map = self._annotation_positions()
        columns = self.query.default_cols or self.query.select
        count = len(selection.outputs) - (len(self.query.annotation_select) if self.query.selected is None else 0)
        self.klass_info = {"model": self.query.model, "select_fields": list(range(count))} if columns else None

    def _annotation_positions(self) -> dict[str, int]:
        if self.query.selected is not None:
            return {name: at for at, name in enumerate(self.query.selected)}
        first = self.col_count - len(self.query.annotation_select)
        return {name: first + at for at, name in enumerate(self.query.annotation_select)}

    def results_iter(
        self,
        results: Iterable[list[Any]] | None = None,
        tuple_expected: bool = False,
        chunked_fetch: bool = False,
        chunk_size: int = GET_ITERATOR_CHUNK_SIZE,
    ) -> Iterator[Any]:
        if results is None:
            results = self.execute_sql(MULTI, chunked_fetch=chunked_fetch, chunk_size=chunk_size)
        if self.engine_compiler is not None:
            engine_rows: Iterator[Any] = self.engine_compiler.results_iter(results, tuple_expected, chunked_fetch, chunk_size)
            return engine_rows
        rows = chain.from_iterable(results)
        if self.selection is None or not self.selection.outputs:
            return rows
        converters = self._load_converters(self.selection)
        return _converted(rows, converters) if converters else rows

    def _load_converters(self, selection: Selection) -> list[tuple[int, list[Callable[[Any], Any]]]]:
        loaded = selection.mapping.load_converters
        plain = [(at, output.column) for at, output in enumerate(selection.outputs) if output.column is not None and output.cut is None]
        steps = loaded([column for _, column in plain], self.connection)
        return [(plain[position][0], functions) for position, functions in steps]

    # What the residual engine answers

    def _residual(self, reason: str, intent: Intent = "read") -> Any:
        engine = self.connection.engine
        if engine is None:
            raise refuse(self.connection, self.query, reason)
        self.engine_compiler = engine.compiler(
            self.query, self.connection, self.using, elide_empty=self.elide_empty, reason=reason, intent=intent
        )
        return self.engine_compiler

    def _execute_residually(self, reason: str, result_type: str | None, chunked_fetch: bool, chunk_size: int) -> Any:
        if self.connection.engine is None and asks_what_is_taken(self.query):
            return None
        inner = self._residual(reason, read_intent(self.query, self.connection))
        result = inner.execute_sql(result_type, chunked_fetch, chunk_size)
        for name in ("select", "klass_info", "annotation_col_map", "col_count", "has_extra_select"):
            if hasattr(inner, name):
                setattr(self, name, getattr(inner, name))
        return result

    def get_converters(self, expressions: Iterable[Any]) -> dict[int, Any]:
        if self.engine_compiler is None:
            return super().get_converters(expressions)
        return self.engine_compiler.get_converters(expressions)

    def apply_converters(self, rows: Iterable[Any], converters: dict[int, Any]) -> Iterator[Any]:
        if self.engine_compiler is None:
            return super().apply_converters(rows, converters)
        return self.engine_compiler.apply_converters(rows, converters)

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> tuple[str, tuple[Any, ...]]:
        """Return the query as SQL, for people to read; nothing executes it but the residual engine."""
        engine = self.connection.engine
        sql: tuple[str, tuple[Any, ...]]
        if engine is None:
            sql = super().as_sql(with_limits, with_col_aliases)
        else:
            readable = engine.compiler(self.query, self.connection, self.using, elide_empty=self.elide_empty)
            sql = readable.as_sql(with_limits, with_col_aliases)
        return sql

    # Explaining

    def explain_query(self) -> Iterator[str]:
        """Yield the lines of the plan; nothing is run."""
        info = self.query.explain_info
        self.connection.ops.explain_query_prefix(info.format, **info.options)  # refuses what it does not know
        yield from execute(self.connection, self._described, lambda: list(self._plan_lines()))

    def _plan_lines(self) -> Iterator[str]:
        try:
            planning = Planning(self.query, self.connection)
            selection = planning.selection()
            truth = planning.filter(selection.predicate, run=False)
            if selection.calculations:
                yield from (f"{each.function.upper()} of the rows of" for each in selection.calculations)
                yield from describe_plan(planning.plan(truth, ()))
            else:
                yield from describe_plan(planning.select_plan(selection, truth))
        except (EmptyResultSet, FullResultSet):
            yield "Nothing: no row can match, no RPC"
        except NotNativeError as error:
            yield f"Not native: {error}"
            yield from self._residual(str(error)).explain_query()


def _shaped(chunks: Chunks, selection: Selection) -> Chunks:
    """Make rows of the outputs from rows of the columns."""
    outputs = selection.outputs
    if all(output.column is not None and output.cut is None for output in outputs) and len(selection.columns) == len(outputs):
        return chunks
    shape = _shaper(outputs, selection.columns)
    shaped = ([shape(row) for row in chunk] for chunk in chunks)
    return _cut_chunks(shaped, selection) if selection.cuts else shaped


def _shaper(outputs: tuple[Output, ...], columns: tuple[str, ...]) -> Callable[[Row], tuple[Any, ...]]:
    makers = [_maker(output, columns) for output in outputs]
    return lambda row: tuple([make(row) for make in makers])


def _maker(output: Output, columns: tuple[str, ...]) -> Callable[[Row], Any]:
    if output.column is None:
        return lambda _row: output.constant
    at, cut = columns.index(output.column.name), output.cut
    return itemgetter(at) if cut is None else lambda row: cut(row[at])


def _cut_chunks(chunks: Chunks, selection: Selection) -> Chunks:
    rows: Iterable[Any] = chain.from_iterable(chunks)
    if selection.distinct_on:
        rows = iter(dict.fromkeys(rows))
    stop = None if selection.limit is None else selection.offset + selection.limit
    yield list(islice(rows, selection.offset, stop))


def _converted(rows: Iterable[Any], converters: list[tuple[int, list[Callable[[Any], Any]]]]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        values = list(row)
        for at, functions in converters:
            value = values[at]
            for function in functions:
                value = function(value)
            values[at] = value
        yield tuple(values)
