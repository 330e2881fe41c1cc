"""The entities of one kind in one namespace: current records, the versions before them, and indexes, built when first used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from django.db.utils import OperationalError

from ...core.datamodel import KEY
from .index import Index, KeyIndex, Pending
from .keys import Position
from .record import Record


class Table:
    """One kind. Who calls it holds the store's lock."""

    spare_pending = 10_000  # changes that are kept at least for indexes which are not in use

    def __init__(self, kind: str, horizon: int = 0) -> None:
        self.kind = kind
        self.rows: dict[Position, Record] = {}
        self.last_change = horizon  # the version of the last commit that changed the kind
        self.horizon = horizon  # versions before it can no longer be read
        self._tombstones: dict[Position, Record] = {}
        self._changes: deque[Record] = deque()
        self._indexes: dict[str, Index] = {}
        self._pending: list[Pending] = []

    def load(self, records: Iterable[Record]) -> None:
        """Take records over as they are, without history."""
        self.rows.update((record.position, record) for record in records)

    def latest(self, position: Position) -> Record | None:
        """Return the current record of a position, a tombstone where it is remembered, or None."""
        return self.rows.get(position) or self._tombstones.get(position)

    def at(self, position: Position, version: int) -> Record | None:
        """Return an entity as it was at a version."""
        record = self.rows.get(position)
        if record is not None and record.version <= version:
            return record
        if version < self.horizon:
            raise self._too_old()
        record = record or self._tombstones.get(position)
        return None if record is None else record.at(version)

    def apply(self, record: Record) -> None:
        """Make a record, or a tombstone, the current one; its `prev` is the one it replaces."""
        position = record.position
        before = self.rows.get(position)
        if record.deleted:
            del self.rows[position]
            self._tombstones[position] = record
        else:
            self.rows[position] = record
            if before is None:
                self._tombstones.pop(position, None)
        self.last_change = record.version
        self._changes.append(record)
        if self._indexes:
            self._remember((before, None if record.deleted else record))

    def clear(self, version: int) -> None:
        """Delete everything, and what was before, too."""
        self.rows, self._tombstones, self._changes = {}, {}, deque()
        self._indexes, self._pending = {}, []
        self.last_change = self.horizon = version

    def forget(self, before: int, spare: int) -> None:
        """Drop the history before a version, and of what is younger all but `spare` changes."""
        changes = self._changes
        while changes and (changes[0].version < before or len(changes) > spare):
            record = changes.popleft()
            record.prev = None
            self.horizon = record.version
            if record.deleted and self._tombstones.get(record.position) is record:
                del self._tombstones[record.position]

    def changed_since(self, version: int) -> dict[Position, Record | None]:
        """Return the entities that changed after a version, each as it was at it."""
        if version < self.horizon:
            raise self._too_old()
        changed: dict[Position, Record | None] = {}
        for record in reversed(self._changes):
            if record.version <= version:
                break
            changed.setdefault(record.position, None)
        for position in changed:
            changed[position] = self.at(position, version)
        return changed

    def index(self, name: str) -> Index:
        """Return the index of a property, or of KEY, up to date."""
        index = self._indexes.get(name)
        if index is None:
            build = KeyIndex if name == KEY else Index
            index = self._indexes[name] = build(name, self.rows.values(), len(self._pending))
        elif index.applied != len(self._pending):
            index.catch_up(self._pending)
        return index

    def _remember(self, change: Pending) -> None:
        self._pending.append(change)
        if len(self._pending) > max(self.spare_pending, len(self.rows) // 2):
            self._indexes = {name: index for name, index in self._indexes.items() if index.applied > len(self._pending) // 2}
            for index in self._indexes.values():
                index.catch_up(self._pending)
                index.applied = 0
            self._pending = []

    def _too_old(self) -> OperationalError:
        return OperationalError(
            f"Kind {self.kind!r} cannot be read as it was at the requested time: its history no longer reaches back that far. "
            "Read a later moment."
        )
