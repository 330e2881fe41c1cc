"""How raw SQL reads: whole tables, or the rows that it names by their primary key, which is no emulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core.planner.logic import Truth
from . import policy as policies
from .fetching import Fetcher
from .keyed import restriction
from .recording import Recording, Statement
from .sources import Source

if TYPE_CHECKING:
    from .access import Access
    from .engine import RelationalEngine
    from .rawtables import RawTables


class RawReading:
    """One statement whose tables are known."""

    def __init__(self, engine: RelationalEngine, tables: RawTables, access: Access, params: tuple[Any, ...]) -> None:
        self.engine, self.tables, self.access = engine, tables, access
        self.scratch, self.connection = tables.scratch, tables.scratch.outer
        self.statement = Statement(None, tables.sql, params, Recording(raw=True), policies.RAW_SQL)
        self.namespace: str = self.connection.session.namespace()

    def sources(self, *, without: str = "") -> list[Source]:
        """Return what the statement reads, except of one table."""
        tables = self.tables.found
        return [
            Source(tables[name], tables[name].read(columns), self.restriction(name), self.namespace)
            for name, columns in self.access.reads.items()
            if name != without
        ]

    def restriction(self, name: str) -> Truth:
        """Return a filter of at least the rows of a table that the statement can touch."""
        if self.access.tables != [name]:
            return True
        return restriction(self.statement.sql, self.statement.params, self.tables.found[name], self.connection, self.namespace)

    def fetcher(self, sources: Sequence[Source]) -> Fetcher:
        """Return what fetches the rows; raise NotSupportedError where the policy does not let it."""
        if self.engine.policy == "error" and not self._is_native(sources):
            policies.refuse(self.statement)
        return Fetcher(self.connection, policies.describe(self.statement), self.engine.max_rows)

    def report(self, sources: Sequence[Source], fetcher: Fetcher) -> None:
        """Say that the statement was emulated, if it was."""
        if not self._is_native(sources):
            self.engine.report(self.connection, self.statement, fetcher)

    def _is_native(self, sources: Sequence[Source]) -> bool:
        return all(source.filter is False or source.plan(self.connection).keys is not None for source in sources)
