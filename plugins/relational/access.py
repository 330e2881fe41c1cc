"""What a statement of raw SQL touches: SQLite says so while it prepares it, and refuses what is no reading or writing of rows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

_HARMLESS = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE))
_WRITES = {sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE", sqlite3.SQLITE_DELETE: "DELETE"}
_FUNCTIONS = ("json_each", "json_tree")  # SQLite's functions that give rows
ROW_NUMBER = "ROWID"


@dataclass(slots=True)
class Access:
    """The columns that are read and those that are set, by table; the verbs that write, by table; why it is refused, if it is."""

    reads: dict[str, set[str]] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)
    writes: dict[str, set[str]] = field(default_factory=dict)
    refused: str = ""

    @property
    def tables(self) -> list[str]:
        return list(dict.fromkeys((*self.reads, *self.writes)))

    def note(self, action: int, table: str | None, column: str | None) -> int:
        """Note what SQLite is about to prepare, and tell SQLite whether it may."""
        if action in _HARMLESS or (action == sqlite3.SQLITE_READ and table in _FUNCTIONS):
            return sqlite3.SQLITE_OK
        refusal = self._refusal(action, table or "", column or "")
        if refusal:
            self.refused = self.refused or refusal
            return sqlite3.SQLITE_DENY
        assert table is not None
        if action == sqlite3.SQLITE_READ:
            self.reads.setdefault(table, set()).add(column or "")
        else:
            self.writes.setdefault(table, set()).add(_WRITES[action])
            self.sets.setdefault(table, set()).update([column] if column else [])
        return sqlite3.SQLITE_OK

    def _refusal(self, action: int, table: str, column: str) -> str:
        if action != sqlite3.SQLITE_READ and action not in _WRITES:
            return "Raw SQL can read and write rows, and nothing else: schemas are a matter of migrations, transactions of atomic()."
        if table.lower().startswith(("sqlite_", "pragma_")):
            return f"{table} describes no table of the store. Use connection.introspection, which reads the store's catalog."
        if column == ROW_NUMBER:
            return f"Rows of {table} have no number in the store. Name them by their primary key instead of by rowid."
        return ""
