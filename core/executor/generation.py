"""Generated columns: computed from the row that is written, and stored with it, so that queries treat them as any other column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.expressions import Col
from django.db.models.sql.query import Query
from django.db.utils import NotSupportedError

from ..datamodel import Value
from ..mapping import ColumnMapping, ModelMapping
from .expressions import Compute, ExpressionCompiler, NotComputable

if TYPE_CHECKING:
    from ..session.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """One generated column, and the names of the columns that it is computed from."""

    column: ColumnMapping
    expression: Any
    sources: frozenset[str]
    compute: Compute | None


class Generation:
    """The generated columns of one model, each after those that it is computed from."""

    def __init__(self, mapping: ModelMapping, connection: Any) -> None:
        self.mapping = mapping
        self._positions = {column.name: at for at, column in enumerate(mapping.columns)}
        found = [self._generated(column, connection) for column in mapping.columns if getattr(column.field, "generated", False)]
        self.all = tuple(_in_order(found))

    def _generated(self, column: ColumnMapping, connection: Any) -> Generated:
        expression = column.field.expression.resolve_expression(Query(self.mapping.model), allow_joins=False)
        sources = frozenset(self.mapping.by_field[field].name for field in referenced_fields(expression))
        try:
            compute = ExpressionCompiler(self.mapping, self._positions, connection).compile(expression, column.field)
        except NotComputable:
            compute = None
        return Generated(column, expression, sources, compute)

    def affected(self, names: Collection[str]) -> tuple[Generated, ...]:
        """Return the columns that an update of some columns changes."""
        changed, found = set(names), []
        for each in self.all:
            if not each.sources.isdisjoint(changed):
                changed.add(each.column.name)
                found.append(each)
        return tuple(found)

    def values(self, session: Session, rows: Sequence[Mapping[str, Value]], among: Sequence[Generated]) -> list[dict[str, Value]]:
        """Compute some of the columns for rows, by column; the primary key is one of them. A missing column has its default."""
        columns = self.mapping.columns
        found: list[dict[str, Value]] = [{} for _ in rows]
        for batch in _batches(among):
            whole = [
                tuple([row[each.name] if each.name in row else each.column.default() for each in columns])
                for row in ({**row, **made} for row, made in zip(rows, found, strict=True))
            ]
            for made, values in zip(found, self._computed(session, whole, batch), strict=True):
                made.update(values)
        return found

    def _computed(self, session: Session, rows: list[tuple[Any, ...]], batch: Sequence[Generated]) -> Iterator[dict[str, Value]]:
        mapping, connection = self.mapping, session.connection
        in_python = [(each.column, each.compute) for each in batch if each.compute is not None]
        by_engine = {each.column.field: each.expression for each in batch if each.compute is None}
        computed = (
            self._engine(session).evaluate(connection, mapping.model, rows, by_engine, declared=True) if by_engine else [()] * len(rows)
        )
        columns = [mapping.by_field[field] for field in by_engine]
        for row, values in zip(rows, computed, strict=True):
            made = {column.name: mapping.saved(column, compute(row), connection) for column, compute in in_python}
            made.update({column.name: mapping.store(column, value) for column, value in zip(columns, values, strict=True)})
            yield made

    def _engine(self, session: Session) -> Any:
        if session.engine is None:
            raise NotSupportedError(
                f"{self.mapping.label} has a GeneratedField, and nothing computes it. Add 'relational' to PLUGINS of "
                f"DATABASES[{session.alias.settings.alias!r}], or use a field that save() sets."
            )
        return session.engine

    def fill(self, session: Session, rows: Sequence[dict[str, Value]]) -> None:
        """Compute all columns for rows that are to be inserted."""
        if self.all:
            for row, made in zip(rows, self.values(session, rows, self.all), strict=True):
                row.update(made)


def _in_order(found: Sequence[Generated]) -> Iterator[Generated]:
    """Yield the columns, each after those that it is computed from."""
    waiting = list(found)
    while waiting:
        names = {each.column.name for each in waiting}
        ready = [each for each in waiting if each.sources.isdisjoint(names)] or waiting
        yield from ready
        waiting = [each for each in waiting if each not in ready]


def _batches(among: Sequence[Generated]) -> Iterator[list[Generated]]:
    """Yield what can be computed at once, in order."""
    batch: list[Generated] = []
    for each in among:
        if any(made.column.name in each.sources for made in batch):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def referenced_fields(node: Any) -> Iterator[Any]:
    """Yield the fields that a resolved expression reads."""
    if isinstance(node, Col):
        yield node.target
    for inner in node.get_source_expressions():
        if hasattr(inner, "get_source_expressions"):
            yield from referenced_fields(inner)


def generation_of(mapping: ModelMapping, connection: Any) -> Generation:
    """Return the generated columns of a model, compiled once."""
    return mapping.remember("generated columns", lambda: Generation(mapping, connection))
