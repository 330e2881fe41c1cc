"""How raw SQL reads: whole tables, or the rows that the store finds for it, which is no emulation."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import policy as policies
from .fetching import Fetcher
from .rawconditions import Restriction, restriction
from .recording import Recording, Statement
from .sources import Source

if TYPE_CHECKING:
    from .access import Access
    from .engine import RelationalEngine
    from .rawtables import RawTables

MOST_ROWS = 2**31 - 2  # of a statement that the store runs: no bound of ours


class RawReading:
    """One statement whose tables are known."""

    def __init__(self, engine: RelationalEngine, tables: RawTables, access: Access, params: tuple[Any, ...]) -> None:
        self.engine, self.tables, self.access = engine, tables, access
        self.scratch, self.connection = tables.scratch, tables.scratch.outer
        self.statement = Statement(None, tables.sql, params, Recording(raw=True), policies.RAW_SQL)
        self.namespace: str = self.connection.session.namespace()

    @cached_property
    def restriction(self) -> Restriction:
        """Which rows it can touch, where it is about one table."""
        if len(self.access.tables) != 1:
            return Restriction()
        table = self.tables.found[self.access.tables[0]]
        return restriction(self.statement.sql, self.statement.params, table, self.connection, self.namespace)

    @property
    def is_native(self) -> bool:
        """Whether it fetches no rows but those that the store finds for it."""
        return self.restriction.native or not self.access.reads

    def sources(self, *, without: str = "") -> list[Source]:
        """Return what it reads, except of one table."""
        tables = self.tables.found
        return [
            Source(tables[name], tables[name].read(columns), self.restriction.filter, self.namespace)
            for name, columns in self.access.reads.items()
            if name != without
        ]

    def fetcher(self) -> Fetcher:
        """Return what fetches the rows; raise NotSupportedError where the policy does not let it."""
        if self.is_native:
            return Fetcher(self.connection, policies.describe(self.statement), MOST_ROWS)
        if self.engine.policy == "error":
            policies.refuse(self.statement)
        return Fetcher(self.connection, policies.describe(self.statement), self.engine.max_rows)

    def report(self, fetcher: Fetcher) -> None:
        """Say that the statement was emulated, if it was."""
        if not self.is_native:
            self.engine.report(self.connection, self.statement, fetcher)
