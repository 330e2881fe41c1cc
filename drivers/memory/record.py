"""How a stored entity is kept: a tuple of values and an interned signature that tells their names and types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.datamodel import ENTITY, ID, KEY, VERSION, Entity, Key, Value
from ...core.datamodel.ordering import MISSING
from .keys import Position

HEAD = 3  # a record's values begin with its key, its id or name, and its version


class Signature:
    """The names and types of an entity's properties, and which of them no index covers. One object for all entities that agree in them."""

    __slots__ = ("checks", "fixed_size", "indexed", "indexed_scalars", "names", "positions", "types", "unindexed")

    def __init__(self, names: tuple[str, ...], types: tuple[type, ...], unindexed: frozenset[str]) -> None:
        self.names, self.types, self.unindexed = names, types, unindexed
        self.positions = {name: index for index, name in enumerate(names, HEAD)} | {KEY: 0, ID: 1, VERSION: 2}
        self.indexed = {name: index for index, name in enumerate(names, HEAD) if name not in unindexed} | {KEY: 0}
        self.checks: tuple[tuple[int, str, bool, Callable[[Any, str, bool, Any], int]], ...] = ()
        self.fixed_size = self.indexed_scalars = 0


class Record:
    """One version of an entity; it never changes, but for `prev`, the version before it, which is cut off when it is too old to be read."""

    __slots__ = ("position", "prev", "signature", "values", "version")

    def __init__(self, position: Position, version: int, values: tuple[Any, ...], signature: Signature, prev: Record | None = None) -> None:
        self.position, self.version, self.values, self.signature, self.prev = position, version, values, signature, prev

    @property
    def deleted(self) -> bool:
        return self.signature is TOMBSTONE

    @property
    def key(self) -> Key:
        key: Key = self.values[0]
        return key

    def properties(self) -> dict[str, Value]:
        """Return the properties, in a new dict."""
        return dict(zip(self.signature.names, self.values[HEAD:], strict=True))

    def content(self) -> tuple[dict[str, Value], frozenset[str]]:
        """Return the properties, in a new dict, and the names of those that no index covers."""
        return self.properties(), self.signature.unindexed

    def entity(self) -> Entity:
        """Return the record as a neutral value."""
        return Entity(self.key, self.properties(), self.signature.unindexed, self.version)

    def at(self, version: int) -> Record | None:
        """Return the entity as it was at a version, None where it did not exist."""
        record: Record | None = self
        while record is not None and record.version > version:
            record = record.prev
        return None if record is None or record.signature is TOMBSTONE else record


TOMBSTONE = Signature((), (), frozenset())


def tombstone(position: Position, version: int, prev: Record) -> Record:
    """Return the record of a deletion."""
    return Record(position, version, (), TOMBSTONE, prev)


def reader(name: str) -> Callable[[Record], Any]:
    """Return what reads an indexed property, or KEY, from a record: MISSING where no index covers it."""
    if name == KEY:
        return lambda record: record.values[0]
    if name == ENTITY:
        return Record.entity

    def read(record: Record) -> Any:
        index = record.signature.indexed.get(name)
        return MISSING if index is None else record.values[index]

    return read
