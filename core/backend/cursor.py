"""The cursor that Django hands out for raw SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from django.db.utils import NotSupportedError

from .statement import Statement

if TYPE_CHECKING:
    from .base import DatabaseWrapper


class Cursor:
    """Runs the ORM's own statements, and refuses SQL: the store has none."""

    description = None
    rowcount = -1

    def __init__(self, connection: DatabaseWrapper) -> None:
        self.db = connection

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def execute(self, sql: Any, params: Any = None) -> None:
        if isinstance(sql, Statement):
            sql.result = sql.run()
        else:
            self._refuse(sql, params)

    def _refuse(self, sql: Any, params: Any) -> NoReturn:
        raise NotSupportedError(f"The store has no SQL, so it cannot execute {str(sql)[:200]!r} with {params!r}. Use the ORM instead.")

    def executemany(self, sql: Any, param_list: Any) -> NoReturn:
        self._refuse(sql, param_list)

    def close(self) -> None:
        """Nothing to release."""
