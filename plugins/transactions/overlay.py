"""What a transaction is going to write, and how entities look because of it. Every change can be undone back to a mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ...core.datamodel import Entity, Key, Mutation, Value, Verb
from ...core.datamodel.applying import check_preconditions, outcome
from ...core.datamodel.errors import VersionConflict


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of an entity in the store: whether it exists, its version (None: not guarded), and itself if it was read whole.

    `by_query` tells that only a query of a store without strong queries gave the version.
    """

    exists: bool
    version: int | None = None
    entity: Entity | None = None
    by_query: bool = False

    @property
    def is_whole(self) -> bool:
        return self.entity is not None or not self.exists


@dataclass(frozen=True, slots=True)
class Write:
    """What the commit does with one entity, and how the entity looks inside the transaction.

    `mutation` is None for an entity that was inserted and deleted again. `entity` is None for a deleted one, and for one of which only
    some properties are written while the others have not been read: `exists` tells them apart.
    """

    mutation: Mutation | None
    exists: bool
    entity: Entity | None = None

    @property
    def is_partial(self) -> bool:
        return self.exists and self.entity is None


class Overlay:
    """The writes of a transaction, by key."""

    def __init__(self) -> None:
        self.writes: dict[Key, Write] = {}
        self._by_kind: dict[tuple[str, str], dict[Key, None]] = {}  # keys that are or were written
        self._undo: list[tuple[Key, Write | None]] = []

    def mark(self) -> int:
        """Return a mark that `roll_back` takes."""
        return len(self._undo)

    def roll_back(self, mark: int) -> None:
        """Undo everything that was written after a mark."""
        while len(self._undo) > mark:
            key, before = self._undo.pop()
            if before is None:
                del self.writes[key]
            else:
                self.writes[key] = before

    def put(self, key: Key, write: Write) -> None:
        """Write, or write again."""
        self._undo.append((key, self.writes.get(key)))
        self._by_kind.setdefault((key.namespace, key.kind), {})[key] = None
        self.writes[key] = write

    def complete(self, key: Key, stored: Entity) -> None:
        """Tell how an entity looks of which only some properties are written; nothing that could be undone."""
        write = self.writes[key]
        assert write.mutation is not None
        self.writes[key] = replace(write, entity=applied(write.mutation, stored)[0])

    def of_kind(self, kind: str | None, namespace: str) -> Iterator[tuple[Key, Write]]:
        """Yield the writes that a query of a kind may have to do with; of all kinds for None."""
        for place, keys in self._by_kind.items():
            if place[0] == namespace and kind in (None, place[1]):
                yield from ((key, self.writes[key]) for key in keys if key in self.writes)


def composed(mutation: Mutation, before: Write | None, stored: Stored | None) -> tuple[Write, tuple[Value, ...]]:
    """Return what becomes of an entity by one more mutation, and the results of its transforms, or raise what the store would.

    `before` is what was written already, else `stored` is what is known; a mutation of some properties needs an entity that exists.
    """
    _check(mutation, before, stored)
    if mutation.verb is Verb.DELETE:
        return Write(_deletion(mutation, before), exists=False), ()
    current = before.entity if before is not None else (stored.entity if stored is not None else None)
    if mutation.mask is None and not mutation.transforms:
        return _whole(mutation, before), ()
    if current is None:
        return _partial(mutation, before), ()
    entity, results = applied(mutation, current)
    if before is not None and before.mutation is not None and before.mutation.mask is None:
        return Write(replace(before.mutation, entity=entity), exists=True, entity=entity), results
    return replace(_partial(_computed(mutation, entity), before), entity=entity), results


def applied(mutation: Mutation, current: Entity) -> tuple[Entity, tuple[Value, ...]]:
    """Return an entity after a mutation, and the results of the transforms."""
    properties, unindexed, results = outcome(mutation, lambda: (current.properties, current.unindexed))
    return Entity(mutation.key, properties, unindexed, current.version), results


def _check(mutation: Mutation, before: Write | None, stored: Stored | None) -> None:
    if before is not None:  # the version was checked when the entity was first written
        check_preconditions(replace(mutation, base_version=None), 1 if before.exists else None)
    elif stored is not None:
        check_preconditions(replace(mutation, base_version=None), 1 if stored.exists else None)
        if mutation.base_version is not None and stored.version is not None and mutation.base_version != stored.version:
            raise VersionConflict(f"Entity {mutation.key} was changed by somebody else since the transaction read it.")


def _deletion(mutation: Mutation, before: Write | None) -> Mutation | None:
    if before is not None and before.mutation is not None and before.mutation.verb is Verb.INSERT:
        return None
    return mutation if before is None or before.mutation is not None else None


def _whole(mutation: Mutation, before: Write | None) -> Write:
    """Write a whole entity: over one that the transaction deleted this is no insert for the store, and over one that it inserted it is."""
    assert mutation.entity is not None
    made = mutation
    if before is not None and before.mutation is not None:
        verb = before.mutation.verb
        made = replace(mutation, verb=Verb.UPSERT if verb is Verb.DELETE else verb, base_version=None)
    elif before is not None:
        made = replace(mutation, verb=Verb.INSERT, base_version=None)
    entity = mutation.entity if not mutation.entity.version else replace(mutation.entity, version=0)
    return Write(made, exists=True, entity=entity)


def _partial(mutation: Mutation, before: Write | None) -> Write:
    """Write some properties: together with those that were written before."""
    if before is None or before.mutation is None:
        return Write(mutation, exists=True)
    earlier = before.mutation
    assert mutation.mask is not None
    assert earlier.mask is not None
    old, new = earlier.entity or Entity(mutation.key, {}), mutation.entity or Entity(mutation.key, {})
    values = {name: value for name, value in old.properties.items() if name not in mutation.mask} | dict(new.properties)
    unindexed = frozenset(name for name in old.unindexed if name not in mutation.mask) | new.unindexed
    mask = tuple(dict.fromkeys((*earlier.mask, *mutation.mask)))
    return Write(replace(earlier, entity=Entity(mutation.key, values, unindexed), mask=mask), exists=True)


def _computed(mutation: Mutation, entity: Entity) -> Mutation:
    """Return a mutation with the values that its transforms gave, in their place."""
    if not mutation.transforms:
        return mutation
    mask = tuple(dict.fromkeys((*(mutation.mask or ()), *(transform.name for transform in mutation.transforms))))
    values: Mapping[str, Value] = {name: entity.properties[name] for name in mask if name in entity.properties}
    return replace(mutation, entity=Entity(mutation.key, values, entity.unindexed & set(mask)), mask=mask, transforms=())
