"""Ordered indexes of one kind: entries sort by a property's value and then by key, or by key alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from sortedcontainers import SortedList

from ...core.datamodel.ordering import compile_path, is_sortable, sort_key
from .keys import Position
from .record import Record, reader

Entry = tuple[Any, ...]
Pending = tuple[Record | None, Record | None]  # a change that an index may not know yet: the record before and after
TOP = ("\U0010ffff" * 400,)  # sorts after every position


class Index:
    """The entries of one property, (rank, value, position), or positions alone in the index of keys."""

    def __init__(self, name: str, records: Iterable[Record], applied: int) -> None:
        """Index records; `applied` is how many of the kind's pending changes these have seen."""
        self.name = name
        self.applied = applied
        self.repeats = 0  # entities that may have several entries
        self._entries_of = self._compile()
        entries = sorted(chain.from_iterable(map(self._counted, records)))
        self._entries = SortedList()
        self._entries.update(entries)

    def catch_up(self, pending: Sequence[Pending]) -> None:
        """Apply the changes that came since this index was last used."""
        if self.applied == len(pending):
            return
        changes = pending[self.applied :]
        self.applied = len(pending)
        if len(changes) > 64:
            changes = _net(changes)
        added: list[Entry] = []
        for before, after in changes:
            old, new = self._change(before, after)
            if len(changes) <= 64:
                self._replace(old, new)
            else:
                for entry in old:
                    self._entries.remove(entry)
                added.extend(new)
        self._entries.update(added)

    def count(self, low: Entry | None = None, high: Entry | None = None) -> int:
        """Return how many entries lie in [low, high)."""
        start, stop = self._bounds(low, high)
        return max(0, stop - start)

    def scan(self, low: Entry | None, high: Entry | None, *, reverse: bool = False, skip: int = 0) -> Iterator[Entry]:
        """Iterate over the entries of [low, high), without the first `skip`."""
        start, stop = self._bounds(low, high)
        if reverse:
            return self._entries.islice(start, max(start, stop - skip), reverse=True)
        return self._entries.islice(min(stop, start + skip), stop)

    def position(self, entry: Entry) -> Position:
        """Return the position of an entry's entity."""
        return entry[2]

    def positions(self, entries: Iterable[Entry]) -> Iterable[Position]:
        """Return the positions of entries' entities."""
        return (entry[2] for entry in entries)

    def _bounds(self, low: Entry | None, high: Entry | None) -> tuple[int, int]:
        entries = self._entries
        return 0 if low is None else entries.bisect_left(low), len(entries) if high is None else entries.bisect_left(high)

    def _change(self, before: Record | None, after: Record | None) -> tuple[Sequence[Entry], Sequence[Entry]]:
        old: Sequence[Entry] = () if before is None else self._entries_of(before)
        new: Sequence[Entry] = () if after is None else self._entries_of(after)
        if old == new:
            return (), ()
        self.repeats += (len(new) > 1) - (len(old) > 1)
        return old, new

    def _replace(self, old: Sequence[Entry], new: Sequence[Entry]) -> None:
        for entry in old:
            self._entries.remove(entry)
        for entry in new:
            self._entries.add(entry)

    def _counted(self, record: Record) -> Sequence[Entry]:
        entries = self._entries_of(record)
        if len(entries) > 1:
            self.repeats += 1
        return entries

    def _compile(self) -> Callable[[Record], Sequence[Entry]]:
        read = compile_path(self.name, reader)

        def entries_of(record: Record) -> Sequence[Entry]:
            value = read(record)
            if is_sortable(value):
                rank, comparable = sort_key(value)
                return ((rank, comparable, record.position),)
            if type(value) is tuple:
                return [(*key, record.position) for key in {sort_key(element) for element in value if is_sortable(element)}]
            return ()

        return entries_of


class KeyIndex(Index):
    """The positions of a kind's entities, in order."""

    def position(self, entry: Entry) -> Position:
        return entry

    def positions(self, entries: Iterable[Entry]) -> Iterable[Position]:
        return entries

    def _compile(self) -> Callable[[Record], Sequence[Entry]]:
        return lambda record: (record.position,)


def _net(changes: Sequence[Pending]) -> list[Pending]:
    """Return one change for each entity: from its first `before` to its last `after`."""
    net: dict[Position, Pending] = {}
    for before, after in changes:
        position = (before or after).position  # type: ignore[union-attr]
        known = net.get(position)
        net[position] = (before if known is None else known[0], after)
    return list(net.values())
