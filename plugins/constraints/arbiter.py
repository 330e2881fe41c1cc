"""Decides what it means that a marker is there already: somebody's value, one's own, or a leftover that is taken over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ...core.datamodel import ENTITY, VERSION, Column, Entity, Key, Mutation, Shape, Type, Verb
from ...core.datamodel.errors import AlreadyExists
from ...core.session.changes import Change
from .conflict import conflict
from .markers import OWNER

if TYPE_CHECKING:
    from ...core.session.session import Session
    from .kept import KeptUniques
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
    """Decides about the markers that one batch inserts.

    A marker that is taken over is guarded by its version. That guards its former owner too: no row can get a value, or get it back, without
    writing the marker.
    """

    def __init__(
        self, uniques: Uniques | KeptUniques, claimed: Mapping[Key, tuple[Unique, Change]], mutations: Mapping[Key, Mutation]
    ) -> None:
        self.uniques, self.claimed, self.mutations = uniques, claimed, mutations

    def __call__(self, session: Session, taken: Key | None, inserted: Collection[Key]) -> list[Mutation] | None:
        """Return the mutations that take leftovers over; [] where what was taken is free by now, so that the commit may be repeated."""
        mine = [key for key, mutation in self.mutations.items() if mutation.verb is Verb.INSERT and key in inserted]
        if not mine or (taken is not None and taken not in mine):
            return None
        markers = stored(session, mine)
        if not markers and taken is None and any(change.verb is Verb.INSERT for _, change in self.claimed.values()):
            return None  # it was a row, or a marker that is free by now: whoever inserts the rows finds out
        owners = stored(session, list({owner for entity, _ in markers.values() if (owner := owner_of(entity)) is not None}))
        for key, (entity, _) in markers.items():
            self._refuse(key, owner_of(entity), owners)
        return [Mutation(Verb.UPDATE, key, self.mutations[key].entity, base_version=version) for key, (_, version) in markers.items()]

    def _refuse(self, key: Key, owner: Key | None, owners: Found) -> None:
        """Raise an error if a marker is right."""
        if owner is None or owner not in owners:
            return
        unique, change = self.claimed[key]
        if owner != change.key:
            if holds(self.uniques, owners[owner][0], key):
                raise conflict(self.uniques.mapping, unique, owner)
        elif change.verb is Verb.INSERT:
            raise AlreadyExists(f"Entity {owner} already exists, so it cannot be inserted.", owner)


def holds(uniques: Uniques | KeptUniques, row: Entity, key: Key) -> bool:
    """Tell whether a stored row has the value of a marker."""
    if row.key is None or row.key.kind != uniques.mapping.kind:
        return False
    (claims,) = uniques.claims([row])
    return key in claims


def guard(key: Key, found: tuple[Entity, int], *, masks: bool) -> Mutation:
    """Return a mutation that changes nothing, and that fails if an entity is no longer as it was found."""
    entity, version = found
    if masks:
        return Mutation(Verb.UPDATE, key, Entity(key, {}), mask=(), base_version=version)
    return Mutation(Verb.UPDATE, key, entity, base_version=version)
