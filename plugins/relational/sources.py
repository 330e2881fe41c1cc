"""What a statement reads: of each table the columns, and the rows that it can need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.datamodel import Row
from ...core.mapping import ColumnMapping
from ...core.planner.explain import describe_plan
from ...core.planner.logic import Truth
from ...core.planner.normalform import TooManyBranches
from ...core.planner.plan import Plan, Request, plan
from ...core.settings import max_query_branches
from .pushdown import restriction
from .recording import Statement
from .scratch import Rows, Scratch
from .storage import converted
from .tables import Table, Tables


@dataclass(frozen=True, slots=True)
class Source:
    """One table that a statement reads: which of its columns, and how its rows are fetched."""

    table: Table
    columns: list[ColumnMapping]
    filter: Truth
    namespace: str

    def plan(self, connection: Any, limit: int | None = None) -> Plan:
        names = tuple(column.name for column in self.columns)
        request = Request(self.table.mapping, self.namespace, names, filter=self.filter, limit=limit)
        return plan(request, connection.session.capabilities, max_query_branches())

    def rows(self, fetched: Sequence[Row]) -> Rows:
        """Return fetched rows as the scratch database takes them."""
        return Rows(self.table.name, tuple(column.name for column in self.columns), converted(fetched, self.columns))

    def describe(self, connection: Any) -> Iterator[str]:
        """Yield the lines that say how the rows would be fetched."""
        columns = ", ".join(column.name for column in self.columns)
        yield f"{self.table.name} ({columns}):"
        yield from (f"  {line}" for line in describe_plan(self.plan(connection)))


def sources(scratch: Scratch, statement: Statement) -> list[Source]:
    """Return what a statement reads. The tables are in the scratch database afterwards; no row is read."""
    connection = scratch.outer
    namespace = connection.session.namespace()
    tables = Tables(scratch, statement)
    found = []
    for name, columns in tables.read().items():
        table = tables.found[name]
        condition = restriction(statement.recording, name, table.mapping, connection, namespace)
        found.append(_affordable(Source(table, table.read(columns), condition, namespace), connection))
    return found


def _affordable(source: Source, connection: Any) -> Source:
    """Drop a restriction that takes more queries than one query may."""
    try:
        source.plan(connection)
    except TooManyBranches:
        return Source(source.table, source.columns, True, source.namespace)
    return source
