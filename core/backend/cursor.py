"""The cursor that Django hands out: it runs the ORM's own statements, and has the residual engine run raw SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from django.db.utils import NotSupportedError, ProgrammingError

from ..roles import Result
from .statement import Statement, noting

if TYPE_CHECKING:
    from .base import DatabaseWrapper

Params = Sequence[Any] | Mapping[str, Any] | None


class Cursor:
    """A cursor of the DB-API. All rows of a statement are there when `execute` returns."""

    arraysize = 1

    def __init__(self, connection: DatabaseWrapper) -> None:
        self.db = connection
        self.closed, self.executed = False, ""
        self.statement: Statement | None = None  # the ORM's, which comes as another text where an execute wrapper adds a comment
        self._take(Result())

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def execute(self, sql: Any, params: Params = None) -> Cursor:
        """Run a statement in Django's format: `%s` and `%(name)s` stand for parameters; where there are none, they are text."""
        if self.closed:
            raise ProgrammingError("This cursor is closed. Open another by connection.cursor().")
        self.executed = str(sql)
        statement = sql if isinstance(sql, Statement) else self.statement
        if statement is not None and statement in self.executed:
            statement.result = statement.run()
        else:
            self._take(self._result(self.executed, params))
        return self

    def _result(self, sql: str, params: Params) -> Result:
        engine = self.db.session.engine
        if engine is None:
            raise NotSupportedError(
                f"The store has no SQL, so it cannot execute {sql[:200]!r} with {params!r}. Use the ORM instead, or add 'relational' "
                f"to PLUGINS of DATABASES[{self.db.alias!r}], which runs SQL over fetched rows."
            )
        with noting(self.db, []):
            return engine.execute(self.db, sql, params)

    def _take(self, result: Result) -> None:
        self.description, self.rowcount, self.lastrowid = result.description, result.rowcount, result.lastrowid
        self._rows = iter(result.rows)

    def executemany(self, sql: Any, param_list: Iterable[Params]) -> Cursor:
        """Run a statement for each of several sets of parameters."""
        total = 0
        for params in param_list:
            self.execute(sql, params)
            total += max(self.rowcount, 0)
        self.rowcount = total
        return self

    def callproc(self, procname: str, params: Params = None, kparams: Params = None) -> NoReturn:  # noqa: ARG002 - Django's signature
        raise NotSupportedError(f"The store has no stored procedures, so it cannot call {procname!r}. Do in Python what it would do.")

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, None after the last."""
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows, as many as asked for."""
        return list(islice(self._rows, self.arraysize if size is None else size))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Forget the rows; nothing can be executed any more."""
        self._take(Result())
        self.closed = True
