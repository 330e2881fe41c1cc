"""Fetches the rows that a statement reads, table by table, through the planner and the executor of the core."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from django.db.utils import OperationalError

from ...core.datamodel import Row
from ...core.driver import Intent, ReadOptions
from ...core.executor import read
from .scratch import Rows
from .semijoin import Link, in_order, narrowed
from .sources import Source


class Fetcher:
    """Fetches rows until there are too many, and locks those of some tables."""

    def __init__(self, connection: Any, description: str, max_rows: int, locked: Container[str] = ()) -> None:
        self.connection, self.description, self.max_rows, self.locked = connection, description, max_rows, locked
        self.counts: dict[str, int] = {}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def fetch_all(self, sources: Sequence[Source], links: Sequence[Link]) -> list[Rows]:
        """Return the rows of all sources; those that are fetched first narrow the others."""
        fetched: dict[str, tuple[Source, list[Row]]] = {}
        for source, narrowing in in_order(sources, links):
            narrow = source
            for link in narrowing:
                narrow = narrowed(narrow, link, *fetched[link.other], self.connection)
            fetched[source.table.name] = narrow, self.fetch(narrow)
        return [source.rows(rows) for source, rows in fetched.values()]

    def fetch(self, source: Source, intent: Intent = "read") -> list[Row]:
        """Return the rows of a source; raise OperationalError as soon as the statement has more than it may have."""
        left = self.max_rows - self.total
        rows: list[Row] = []
        options = ReadOptions(intent="lock" if source.table.name in self.locked else intent)
        for chunk in read(source.plan(self.connection, limit=left + 1), self.connection.session, options):
            rows.extend(chunk)
        if len(rows) > left:
            raise OperationalError(self._too_many(source))
        self.counts[source.table.name] = len(rows)
        return rows

    def _too_many(self, source: Source) -> str:
        before = "".join(f" after {count} rows of {table}" for table, count in self.counts.items())
        return (
            f"{self.description} It would fetch more than {self.max_rows} rows: {source.table.name} has more than "
            f"{self.max_rows - self.total}{before}. Filter it further, make it native, or raise OPTIONS['relational']['max_rows']."
        )
