"""DELETE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models.sql import compiler
from django.db.models.sql.constants import ROW_COUNT

from ...datamodel import ENTITY, KEY, VERSION, Key, Row, Verb
from ...session.changes import Change
from ...session.writing import Writer
from ..statement import execute
from .retry import write_guarded
from .rows import MatchedRows


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    """Deletes rows: their keys and versions are read, and each is deleted as it was read."""

    def execute_sql(self, result_type: str | None = ROW_COUNT, *_args: Any, **_kwargs: Any) -> int | None:  # noqa: ARG002 - always counted
        return execute(self.connection, self._described, self._run)

    def _run(self) -> int:
        matched = MatchedRows(self.query, self.connection)
        writer = Writer(matched.session, matched.mapping)
        whole = writer.needs_before or not matched.session.capabilities.keys_only_versions
        columns = (KEY, VERSION, ENTITY) if whole else (KEY, VERSION)

        def again(keys: Sequence[Key]) -> list[Change]:
            return _changes(matched.rows(matched.again(keys, columns)), whole=whole)

        def run() -> int:
            changes = _changes(matched.rows(matched.plan(columns)), whole=whole)
            return write_guarded(matched.session, writer, changes, again) if changes else 0

        return matched.session.perform(run)

    def _described(self) -> tuple[str, tuple[Any, ...]]:
        """Return the statement as SQL, for people to read; compiling takes what it compiles to pieces."""
        sql, params = type(self)(self.query.clone(), self.connection, self.using).as_sql()
        return sql, tuple(params)


def _changes(rows: Sequence[Row], *, whole: bool) -> list[Change]:
    return [Change(Verb.DELETE, row[0], before=row[2] if whole else None, version=row[1]) for row in rows]
