"""Statements: what the ORM asks for at once. Each is one entry of `connection.queries`, however many RPCs it takes, as on any database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.core.exceptions import EmptyResultSet
from django.db.backends.utils import debug_transaction

if TYPE_CHECKING:
    from .base import DatabaseWrapper

T = TypeVar("T")
Describe = Callable[[], tuple[str, Any]]


class Statement(str):
    """The SQL that a statement stands for. A cursor that is given one calls `run`, and reads no SQL."""

    __slots__ = ("result", "run")

    run: Callable[[], Any]
    result: Any

    @classmethod
    def of(cls, sql: str, run: Callable[[], Any]) -> Statement:
        """Return the statement that `run` runs, and whose result it keeps as `result`."""
        made = cls(sql)
        made.run = run
        return made


def execute(connection: DatabaseWrapper, describe: Describe, run: Callable[[], T]) -> T:
    """Run a statement and return its result. Where anybody listens it goes through a cursor of Django's, which logs it, tells wrappers, and
    warns before the apps are ready.

    `describe` returns its SQL and parameters, for people to read; one that no row can match raises EmptyResultSet and has no entry.
    """
    if connection.rpcs is not None or not (connection.queries_logged or connection.execute_wrappers or not apps.ready):
        return run()
    try:
        sql, params = describe()
    except EmptyResultSet:
        return run()
    statement = Statement.of(sql, run)
    with connection.cursor() as cursor, _entry(connection):
        cursor.cursor.statement = statement
        cursor.execute(statement, params)
    result: T = statement.result
    return result


@contextmanager
def transaction_statement(connection: DatabaseWrapper, sql: str) -> Iterator[None]:
    """Log what a transaction begins or ends with, and its RPCs."""
    with _entry(connection), debug_transaction(connection, sql):
        yield


@contextmanager
def _entry(connection: DatabaseWrapper) -> Iterator[None]:
    """Put the RPCs of the block into the entry that is made in it."""
    rpcs: list[str] = []
    before = _last(connection)
    try:
        with noting(connection, rpcs):
            yield
    finally:
        entry = _last(connection)
        if entry is not None and entry is not before:
            entry["rpcs"] = rpcs


def _last(connection: DatabaseWrapper) -> dict[str, Any] | None:
    return connection.queries_log[-1] if connection.queries_log else None


@contextmanager
def noting(connection: DatabaseWrapper, rpcs: list[str]) -> Iterator[None]:
    """Add the RPCs of the block to a list."""
    outer, connection.rpcs = connection.rpcs, rpcs
    try:
        yield
    finally:
        connection.rpcs = outer


def noted(connection: DatabaseWrapper, chunks: Iterator[T]) -> Iterator[T]:
    """Let the RPCs that fetch further chunks belong to the statement that is being run now."""
    return chunks if connection.rpcs is None else _noted(connection, chunks, connection.rpcs)


def _noted(connection: DatabaseWrapper, chunks: Iterator[T], rpcs: list[str]) -> Iterator[T]:
    while True:
        with noting(connection, rpcs):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk
