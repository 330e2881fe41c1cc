"""Decides what it means that a marker is there already: somebody's value, one's own, or a leftover that is taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...core.datamodel import ENTITY, VERSION, Column, Entity, Key, Mutation, Shape, Type, Verb
from ...core.datamodel.errors import AlreadyExists
from ...core.session.changes import Change
from .conflict import conflict
from .markers import OWNER

if TYPE_CHECKING:
    from ...core.session.session import Session
    from .uniques import Unique, Uniques

Found = Mapping[Key, tuple[Entity, int]]  # entities and their versions
_WHOLE = Shape((Column(VERSION), Column(ENTITY, Type.ENTITY)))


def stored(session: Session, keys: Sequence[Key]) -> dict[Key, tuple[Entity, int]]:
    """Look entities up; what is missing is not in the answer."""
    rows = session.lookup(keys, _WHOLE) if keys else []
    return {key: (row[1], row[0]) for key, row in zip(keys, rows, strict=True) if row is not None}


def owner_of(entity: Entity) -> Key | None:
    """Return the row that a marker says has the value; None where it says nothing of use."""
    owner = entity.properties.get(OWNER)
    return owner if isinstance(owner, Key) else None


class ClaimArbiter:
    """Decides about the markers that one batch inserts."""

    def __init__(
        self,
        uniques: Uniques,
        changes: Sequence[Change],
        claimed: Mapping[Key, tuple[Unique, Change]],
        mutations: Mapping[Key, Mutation],
    ) -> None:
        self.uniques, self.claimed, self.mutations = uniques, claimed, mutations
        self.rows = {change.key for change in changes}
        self.inserts = any(change.verb is Verb.INSERT for change in changes)

    def __call__(self, session: Session, taken: Key | None) -> list[Mutation] | None:
        """Return the mutations that take leftovers over; [] where what was taken is free by now, so that the commit may be repeated."""
        if taken is not None and taken not in self.mutations:
            return None
        inserted = [key for key, mutation in self.mutations.items() if mutation.verb is Verb.INSERT]
        markers = stored(session, inserted)
        owners = self._owners(session, markers)
        for key, (entity, _) in markers.items():
            self._refuse(key, owner_of(entity), owners)
        if not markers and taken is None and self.inserts:
            return None  # it was a row, or a marker that is free by now: whoever inserts the rows finds out
        return self._taken_over(session, markers, owners)

    def _owners(self, session: Session, markers: Found) -> Found:
        """Read the rows that markers belong to, but those of the batch, which are guarded anyway."""
        keys = dict.fromkeys(owner for entity, _ in markers.values() if (owner := owner_of(entity)) is not None)
        return stored(session, [key for key in keys if key not in self.rows])

    def _refuse(self, key: Key, owner: Key | None, owners: Found) -> None:
        """Raise an error if a marker is right."""
        unique, change = self.claimed[key]
        if owner == change.key and change.verb is Verb.INSERT:
            raise AlreadyExists(f"Entity {owner} already exists, so it cannot be inserted.", owner)
        if owner in owners and holds(self.uniques, owners[owner][0], key):
            raise conflict(self.uniques.mapping, unique, owner)

    def _taken_over(self, session: Session, markers: Found, owners: Found) -> list[Mutation]:
        """Return what makes markers that nobody needs our own, as long as they and their owners stay as they are."""
        mutations = []
        guarded: set[Key] = set(self.rows)
        for key, (entity, version) in markers.items():
            mutations.append(Mutation(Verb.UPDATE, key, self.mutations[key].entity, base_version=version))
            owner = owner_of(entity)
            if owner is not None and owner not in guarded:
                guarded.add(owner)
                mutations.append(guard(owner, owners.get(owner), masks=session.capabilities.property_masks))
        return mutations


def holds(uniques: Uniques, row: Entity, key: Key) -> bool:
    """Tell whether a stored row has the value of a marker."""
    if row.key is None or row.key.kind != uniques.mapping.kind:
        return False
    (claims,) = uniques.claims([row])
    return key in claims


def guard(key: Key, found: tuple[Entity, int] | None, *, masks: bool) -> Mutation:
    """Return a mutation that changes nothing, and that fails if an entity is no longer as it was found."""
    if found is None:
        return Mutation(Verb.DELETE, key, base_version=0)
    entity, version = found
    if masks:
        return Mutation(Verb.UPDATE, key, Entity(key, {}), mask=(), base_version=version)
    return Mutation(Verb.UPDATE, key, entity, base_version=version)
