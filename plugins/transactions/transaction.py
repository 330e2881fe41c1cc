"""One transaction: reads see what it has written, and what it has written waits for the commit.

Its default is snapshot isolation without a lock: all reads are of one moment, and the commit fails if an entity that it writes or locks is
no longer as it was read. `serializable` reads and commits in a transaction of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.transaction import TransactionManagementError

from ...core.datamodel import Key, Mutation, MutationResult, Verb
from ...core.mapping import mapping_of
from ...core.session.changes import Unit
from .overlay import Overlay, Stored, Write, composed
from .reading import Reader
from .snapshot import Base, Characteristics

if TYPE_CHECKING:
    from ...core.backend.place import Place
    from ...core.session.changes import Statement

Mark = tuple[int, int, int]
NOTHING_WRITTEN: Mark = (0, 0, 0)


class Transaction(Reader):
    """A transaction of one connection."""

    def __init__(self, base: Base, characteristics: Characteristics, place: Place, alias: str) -> None:
        super().__init__(base, characteristics, place, alias)
        self.read_only = characteristics.read_only
        self.is_committed = False
        self.units: list[Unit] = []
        self.statements: list[Statement] = []
        self._namespace: str | None = None

    @property
    def defers(self) -> bool:
        """Whether it ends with a commit, unlike that of a test."""
        return not self.place.for_test

    def write(self, unit: Unit, mutations: Sequence[Mutation]) -> list[MutationResult]:
        """Write all mutations of a unit or none; raise what the store would, as far as it can be known before the commit."""
        if self.read_only:
            raise TransactionManagementError(
                "This block is read-only (atomic(read_only=True) or read_time=...), so nothing can be written in it. Write outside it."
            )
        fetched = self._know(unit, mutations)
        made: dict[Key, Write] = {}
        results = []
        for mutation in mutations:
            key = mutation.key
            write, transformed = composed(mutation, made.get(key) or self.overlay.writes.get(key), fetched.get(key) or self.stored.get(key))
            made[key] = write
            results.append(MutationResult(0, transformed))
        for key, write in made.items():
            self.overlay.put(key, write)
        self.units.append(unit)
        return results

    def send(self, unit: Unit, mutations: Sequence[Mutation]) -> list[MutationResult]:
        """Commit to the store, or hand over to the transaction of the test."""
        if isinstance(self.base, Transaction):
            return self.base.write(replace(unit, mutations=list(mutations)), mutations)
        return self.base.commit(mutations, self.snapshot.transaction)

    def commit(self, mutations: Sequence[Mutation], transaction: bytes | None = None) -> list[MutationResult]:  # noqa: ARG002 - it has none
        """Take over mutations as the store would."""
        return self.write(Unit((), list(mutations)), mutations)

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None) -> bytes:  # noqa: ARG002
        """Open nothing: a transaction inside a test's needs none of the store's."""
        return b""

    def rollback(self, transaction: bytes) -> None:
        """Give nothing up."""

    def enter_namespace(self, namespace: str) -> None:
        """Refuse another namespace than that of the first statement: what is written would be read in the wrong one."""
        if self._namespace is None or self.place.for_test:
            self._namespace = namespace
        elif namespace != self._namespace:
            raise TransactionManagementError(
                f"The namespace of {self.alias!r} changed inside atomic, from {self._namespace!r} to {namespace!r}. Change it outside, or "
                "use atomic(independent=True)."
            )

    def _know(self, unit: Unit, mutations: Sequence[Mutation]) -> dict[Key, Stored]:
        """Look up what has to be known of the entities that are about to be written."""
        drawn = {change.key for change in unit.changes if change.drawn}
        unknown = dict.fromkeys(mutation.key for mutation in mutations if self._has_to_know(mutation, drawn))
        for mutation in mutations:
            key, version = mutation.key, mutation.base_version
            if version is not None and self.guards and not (key in self.stored or key in self.overlay.writes or key in unknown):
                self.stored[key] = Stored(version != 0, version)
        return self._fetch(list(unknown)) if unknown else {}

    def _has_to_know(self, mutation: Mutation, drawn: set[Key]) -> bool:
        write, stored = self.overlay.writes.get(mutation.key), self.stored.get(mutation.key)
        if write is not None:
            return write.is_partial and bool(mutation.transforms)
        if mutation.verb is Verb.INSERT:
            return stored is None and mutation.key not in drawn and not self.place.is_one_statement
        if stored is not None and stored.by_query:
            return True
        if mutation.verb is Verb.UPDATE or mutation.mask is not None:
            return stored is None or (bool(mutation.transforms) and not stored.is_whole)
        return stored is None and mutation.base_version is not None and not self.capabilities.strong_queries

    def mark(self) -> Mark:
        """Return a mark of what was written until now."""
        return self.overlay.mark(), len(self.units), len(self.statements)

    def roll_back_to(self, mark: Mark) -> None:
        """Undo what was written after a mark."""
        self.overlay.roll_back(mark[0])
        del self.units[mark[1] :]
        del self.statements[mark[2] :]

    def perform(self, statement: Statement) -> Any:
        """Run a statement that writes, and keep it: one call of the ORM may have to run its statements again."""
        self._performs, performed = True, self._performs
        try:
            result = statement.run()
        finally:
            self._performs = performed
        self.statements.append(replace(statement, result=result))
        return result

    def forget(self) -> None:
        """Start over, with another snapshot and nothing written."""
        self.overlay, self.units, self.statements = Overlay(), [], []
        self.stored, self.snapshot, self._has_locked = {}, self._new_snapshot(), False

    def has_been_read(self, instance: Any) -> bool:
        """Tell whether the transaction has read the row of a model instance, with the rows of its parents."""
        keys = self._keys(instance)
        return bool(keys) and self.read.issuperset(keys)

    def has_been_written(self, instance: Any) -> bool:
        """Tell whether the transaction has written the row of a model instance, or of one of its parents."""
        return any(key in self.overlay.writes for key in self._keys(instance))

    def refresh_if_unread(self, instance: Any, prevent_further_reads: bool = False) -> None:
        """Read an instance again unless the transaction has read or written its row; with `prevent_further_reads` for the last time."""
        if not self.has_been_read(instance) and not self.has_been_written(instance):
            instance.refresh_from_db(using=self.alias)
        if prevent_further_reads:
            self.prevent_read(type(instance), instance.pk)

    def prevent_read(self, model: Any, pk: Any) -> None:
        """Have every later read of a row in this transaction raise PreventedReadError."""
        key = self._key(model, pk)
        if key is not None:
            self.prevented.add(key)

    def _keys(self, instance: Any) -> list[Key]:
        """Return the keys of the rows that make up an instance; none without a primary key."""
        options = instance._meta
        parents = (parent for parent in options.all_parents if parent._meta.concrete_model is not options.concrete_model)
        found = [self._key(type(instance), instance.pk)]
        found += [self._key(parent, getattr(instance, parent._meta.pk.attname)) for parent in parents]
        return [key for key in found if key is not None]

    def _key(self, model: Any, pk: Any) -> Key | None:
        """Return the key of a row; None without a primary key."""
        if pk is None:
            return None
        connection: Any = connections[self.alias]
        mapping = mapping_of(model, connection)
        columns = zip(mapping.key_columns, pk if mapping.is_composite else (pk,), strict=True)
        values = [column.store(column.field.get_db_prep_save(value, connection)) for column, value in columns]
        return mapping.key(values, connection.session.namespace())
