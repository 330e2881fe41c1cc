"""DELETE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models.sql import compiler
from django.db.models.sql.constants import ROW_COUNT

from ...datamodel import ENTITY, KEY, VERSION, Key, Row, Verb
from ...mapping import mapping_of
from ...session.changes import Change
from ...session.writing import Writer
from .retry import write_guarded
from .rows import MatchedRows


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    """Deletes rows: their keys and versions are read, and each is deleted as it was read."""

    def execute_sql(self, result_type: str | None = ROW_COUNT, *_args: Any, **_kwargs: Any) -> int | None:  # noqa: ARG002 - always counted
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

    def as_sql(self) -> tuple[str, tuple[Any, ...]]:
        """Return the statement in words, for people to read."""
        return f"DELETE FROM {mapping_of(self.query.model, self.connection).kind}", ()


def _changes(rows: Sequence[Row], *, whole: bool) -> list[Change]:
    return [Change(Verb.DELETE, row[0], before=row[2] if whole else None, version=row[1]) for row in rows]
