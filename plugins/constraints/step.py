"""The step that gives rows their markers: those of new values are inserted with the rows, those of old values are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.utils import NotSupportedError

from ...core.datamodel import Entity, Key, Mutation, Verb
from ...core.session.changes import Batch, Change, Receipt
from .arbiter import ClaimArbiter
from .conflict import conflict
from .markers import COMMIT, marker

if TYPE_CHECKING:
    from .kept import KeptUniques
    from .uniques import Unique, Uniques


class UniqueStep:
    """Keeps the values of one model's rows unique. An update of columns that no constraint depends on passes it by.

    Inside a transaction the deferred constraints are left to `at_commit`, which sees all that the transaction changes as one batch.
    """

    needs_before = True
    needs_after = False

    def __init__(self, uniques: Uniques | KeptUniques, among: frozenset[Unique] | None = None) -> None:
        """Prepare the step; `among` are the constraints that it is about, None stands for all of the model's."""
        self.uniques, self.among = uniques, among
        self.columns = uniques.columns
        deferred = frozenset(unique for unique in uniques.all if unique.deferred)
        self.at_commit = UniqueStep(uniques, deferred) if among is None and deferred else None
        self.immediate = frozenset(uniques.all) - deferred

    def __call__(self, batch: Batch) -> None:
        """Add to a batch the markers that change hands by it, all rows taken together: two rows may swap their values."""
        among = self.immediate if self.at_commit is not None and batch.session.defers else self.among
        held, wanted = self._held(batch, among), self._wanted(batch, among)
        owners: dict[Key, Key] = {}
        claimed: dict[Key, tuple[Unique, Change]] = {}
        for change, claims in wanted:
            for key, unique in claims.items():
                if owners.setdefault(key, change.key) != change.key:
                    raise conflict(self.uniques.mapping, unique, owners[key], written=True)
                if held.get(key) != change.key:
                    claimed[key] = (unique, change)
        batch.mutations += [Mutation(Verb.DELETE, key) for key in held if key not in owners]
        if claimed:
            self._claim(batch, claimed, held)
        self._check_groups(batch)

    def _held(self, batch: Batch, among: frozenset[Unique] | None) -> dict[Key, Key]:
        """Return the owners of the markers that rows have, by the markers' keys."""
        entities = [change.before for change in batch.changes if change.before is not None]
        found: dict[Key, Key] = {}
        for entity, claims in zip(entities, self.uniques.claims(entities, among), strict=True):
            assert entity.key is not None
            found.update(dict.fromkeys(claims, entity.key))
        return found

    def _wanted(self, batch: Batch, among: frozenset[Unique] | None) -> list[tuple[Change, dict[Key, Unique]]]:
        """Return the markers that each row that is written must have."""
        written = [change for change in batch.changes if change.verb is not Verb.DELETE]
        return list(zip(written, self.uniques.claims([self._after(change) for change in written], among), strict=True))

    def _after(self, change: Change) -> Entity:
        """Return a row as it will be, as far as constraints are concerned."""
        assert self.columns.isdisjoint(transform.name for transform in change.transforms)
        before = {} if change.before is None else change.before.properties
        return Entity(change.key, {**before, **change.values})

    def _claim(self, batch: Batch, claimed: dict[Key, tuple[Unique, Change]], held: dict[Key, Key]) -> None:
        mutations: dict[Key, Mutation] = {}
        for key, (unique, change) in claimed.items():
            verb = Verb.UPSERT if key in held else Verb.INSERT  # another row of the batch, whose version is guarded, gives it up
            mutations[key] = Mutation(verb, key, marker(key, change.key, unique, batch.commit_id))
        batch.mutations += mutations.values()
        batch.receipts += [Receipt(key, COMMIT, batch.commit_id) for key in mutations if key not in held]
        batch.arbiters.append(ClaimArbiter(self.uniques, claimed, mutations))

    def _check_groups(self, batch: Batch) -> None:
        """Refuse a row that the store cannot write together with all of its markers."""
        most, entities = batch.session.capabilities.entity_groups, 1 + len(batch.mutations)
        if most is not None and len(batch.changes) == 1 and entities > most:
            raise NotSupportedError(
                f"A row of {self.uniques.mapping.label} and its unique values are {entities} entities at once, and the store takes {most}. "
                "Have fewer unique constraints, or move some fields to a model of their own."
            )
