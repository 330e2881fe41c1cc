"""The scratch database for raw SQL: it says what a statement touches before it runs, and gives decimals as such."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.utils import DatabaseError, NotSupportedError, ProgrammingError

from ...core.roles import Result
from .access import Access
from .functions import DECIMAL
from .scratch import Scratch
from .tables import Table

# SQLite compares its columns as text, for the name ends so; Python's sqlite3 converts what it reads of them by the name.
_DECIMAL_TEXT = "kindstoredecimaltext"

sqlite3.register_converter(_DECIMAL_TEXT, lambda text: Decimal(text.decode()))


class RawScratch(Scratch):
    """Runs what the ORM has not compiled. It has tables of its own, whose columns tell Python's sqlite3 more."""

    _access: Access | None = None

    def _open(self) -> sqlite3.Connection:
        connection = super()._open()
        connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")  # declares them, which is no doing of the user's statements
        return connection

    def _authorize(self, action: int, table: str | None, column: str | None, *_where: str | None) -> int:
        return sqlite3.SQLITE_OK if self._access is None else self._access.note(action, table, column)

    def ensure(self, table: Table, name: str = "") -> Table:
        declared = tuple(
            (column, each.replace(f"text COLLATE {DECIMAL}", f"{_DECIMAL_TEXT} COLLATE {DECIMAL}")) for column, each in table.declared
        )
        return super().ensure(replace(table, declared=declared), name)

    def forget(self, name: str) -> None:
        """Drop a table that is none of the store's any more."""
        if self.tables.pop(name, None) is not None:
            self.connection.execute(f"DROP TABLE {self.ops.quote_name(name)}")

    def examine(self, sql: str, count: int) -> Access:
        """Return what a statement with `count` parameters touches; raise NotSupportedError for one that may not run."""
        self._access = access = Access()
        try:
            # The number keeps sqlite3 from taking a statement that it has prepared before: the authorizer would hear nothing.
            self.run(f"EXPLAIN {sql} /* {next(self._numbers)} */", [None] * count)
        except DatabaseError as error:
            if access.refused:
                raise NotSupportedError(access.refused) from error
            raise
        except sqlite3.Warning as error:
            raise ProgrammingError(str(error)) from error
        finally:
            self._access = None
        return access

    def result(self, sql: str, params: tuple[Any, ...]) -> Result:
        """Run a statement that was examined."""
        rows, cursor = self.perform(sql, params)
        return Result(rows, cursor.description, cursor.rowcount)
