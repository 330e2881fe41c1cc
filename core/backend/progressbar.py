"""A progress bar on the terminal, while the entities of a kind are rewritten."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..datamodel import Query
from ..datamodel.aggregation import Aggregation

if TYPE_CHECKING:
    from ..session.session import Session

WIDTH = 30  # characters


class ProgressBar:
    """Says how many entities are done; to nobody where stderr is no terminal. `query` finds those that are to be done."""

    def __init__(self, session: Session, query: Query) -> None:
        self.kind, self.done = query.kind, 0
        self.watched = sys.stderr.isatty()
        self.total: int | None = None
        if self.watched and "count" in session.capabilities.aggregations:
            (count,) = session.aggregate(query, [Aggregation("count")])
            self.total = int(str(count))

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if self.done:
            self._write("")

    def advance(self, count: int) -> None:
        """Count entities as done."""
        self.done += count
        self._write(f"  {self.kind}: {self._bar()}{self.done}" + ("" if self.total is None else f" of {self.total}") + " entities")

    def _bar(self) -> str:
        if not self.total:
            return ""
        filled = min(self.done * WIDTH // self.total, WIDTH)
        return f"[{'#' * filled}{'.' * (WIDTH - filled)}] "

    def _write(self, text: str) -> None:
        if self.watched:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
