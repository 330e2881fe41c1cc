"""Commits the rows of an INSERT, with ids for those that have none, and tells apart what went wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from django.db.utils import IntegrityError

from ...datamodel import KEY, Key, MutationResult, Value, Verb
from ...datamodel.errors import AlreadyExists
from ...session.changes import Change
from ...session.writing import Writer

if TYPE_CHECKING:
    from ...mapping import ModelMapping
    from ...session.session import Session

ATTEMPTS = 3  # for an id that turns out to be taken
AUTOMATIC = ("AutoField", "BigAutoField", "SmallAutoField")


class Insertion:
    """The rows of one INSERT, by column. A row without a primary key gets an id, which is set in the row."""

    def __init__(self, session: Session, mapping: ModelMapping, rows: list[dict[str, Value]]) -> None:
        self.session, self.mapping, self.rows = session, mapping, rows
        self.final = rows  # as they are stored in the end
        self.namespace = session.namespace()
        self.drawn: dict[Key, dict[str, Value]] = {}  # the rows whose keys are ours: nobody else can have inserted them
        self.pending: list[Change] = []

    def run(self) -> None:
        """Insert all rows, or raise an error that says which of them were."""
        self.session.perform(self._run)

    def _run(self) -> None:
        self.pending = [self._change(row) for row in self._with_ids()]
        self._refuse_repeated()
        writer = Writer(self.session, self.mapping)
        writer.arbiter = self._refuse_taken
        for _ in range(ATTEMPTS):
            try:
                writer.write(self.pending, self._committed)
            except AlreadyExists as error:
                self._draw_again(error)
            if not self.pending:
                return
        raise IntegrityError(f"No free id was found for {self.mapping.label} in {ATTEMPTS} attempts.")

    def _committed(self, chunk: Sequence[Change], _results: list[MutationResult]) -> None:
        self.pending = self.pending[len(chunk) :]

    def _with_ids(self) -> list[dict[str, Value]]:
        """Return the rows, those without a primary key with an id."""
        if self.mapping.is_composite:
            return self.rows
        name, field = self.mapping.key_column.name, self.mapping.key_column.field
        without = [row for row in self.rows if row.get(name) is None]
        if without and field.get_internal_type() not in AUTOMATIC:
            raise IntegrityError(
                f"NOT NULL constraint failed: the primary key {self.mapping.label}.{field.name} has no value. Give it one."
            )
        for row, ident in zip(without, self._ids(len(without)), strict=True):
            row[name] = ident
            self.drawn[self._key(row)] = row
        return self.rows

    def _ids(self, count: int) -> list[int]:
        return self.session.ids.take(self.mapping.kind, self.namespace, count) if count else []

    def _key(self, row: dict[str, Value]) -> Key:
        return self.mapping.key([row[column.name] for column in self.mapping.key_columns], self.namespace)

    def _change(self, row: dict[str, Value]) -> Change:
        key = self._key(row)
        if self.mapping.is_composite:
            return Change(Verb.INSERT, key, row)
        name = self.mapping.key_column.name
        return Change(Verb.INSERT, key, {column: value for column, value in row.items() if column != name}, drawn=key in self.drawn)

    def _refuse_repeated(self) -> None:
        seen: set[Key] = set()
        for change in self.pending:
            if change.key in seen:
                raise self._conflict(change.key)
            seen.add(change.key)

    def _refuse_taken(self, session: Session, taken: Key | None, inserted: Collection[Key]) -> None:
        """Raise IntegrityError if a key that the caller chose is taken, at the commit of a transaction too."""
        chosen = {self._key(row) for row in self.rows} - self.drawn.keys()
        asked = [key for key in chosen if key in inserted and taken in (None, key)]
        rows = session.lookup(asked, self.mapping.shape((KEY,))) if asked else []
        for key, row in zip(asked, rows, strict=True):
            if row is not None:
                raise self._conflict(key)

    def _draw_again(self, error: AlreadyExists) -> None:
        """Give the row whose id was taken another one; raise IntegrityError for a key that the caller chose."""
        key = error.key or self._taken()
        if key is None:
            return  # what was taken is free by now
        row = self.drawn.pop(key, None)
        if row is None:
            raise self._conflict(key, error) from error
        (row[self.mapping.key_column.name],) = self._ids(1)
        self.drawn[self._key(row)] = row
        at = next(at for at, change in enumerate(self.pending) if change.key == key)
        self.pending[at] = self._change(row)

    def _taken(self) -> Key | None:
        """Find out which key is taken, where the store did not say; None if none is any more."""
        keys = [change.key for change in self.pending]
        rows = self.session.lookup(keys, self.mapping.shape((KEY,)))
        return next((key for key, row in zip(keys, rows, strict=True) if row is not None), None)

    def _conflict(self, key: Key, error: Exception | None = None) -> IntegrityError:
        names = ", ".join(column.field.name for column in self.mapping.key_columns)
        message = f"UNIQUE constraint failed: {self.mapping.label}.{names}: there is a row with the primary key {key.id_or_name!r} already."
        progress = getattr(error, "progress", "")
        return IntegrityError(f"{message} {progress}".rstrip())
