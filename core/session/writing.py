"""The write path: changes pass the plugins' steps, become mutations, and are committed in chunks, each of them atomic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.utils import DatabaseError

from ..datamodel import Entity, Key, Mutation, MutationResult, Value, Verb
from ..datamodel.errors import OutcomeUnknown
from .changes import Arbiter, Assigned, Batch, Change, Unit
from .committing import commit

if TYPE_CHECKING:
    from django.db.models import Model

    from ..driver import Capabilities
    from ..mapping import ModelMapping
    from ..roles import Step
    from .session import Session

# Bytes of the wire format, at most, around a mutation, a key (its project and database too), a step of its path, a value, a masked name
MUTATION_OVERHEAD, KEY_OVERHEAD, KEY_STEP_OVERHEAD, PROPERTY_OVERHEAD, NAME_OVERHEAD = 64, 128, 12, 16, 6
NUMBER_BYTES = 12
MOST_ROWS = 500  # in a commit outside a transaction: an error in a big statement then costs little, and says what was written


class Writer:
    """Writes changes of one model's rows."""

    def __init__(self, session: Session, mapping: ModelMapping, assigned: Assigned | None = None) -> None:
        """Prepare to write; `assigned` are the columns that an update sets, None stands for whole rows."""
        self.session, self.mapping = session, mapping
        steps = session.alias.steps(mapping.model)
        self.steps = steps if assigned is None else tuple([step for each in steps if (step := narrowed(each, assigned)) is not None])
        self.arbiter: Arbiter | None = None  # of who writes, after those of the steps
        self.needs_before = any(step.needs_before for step in self.steps)
        self.needs_after = any(step.needs_after for step in self.steps)

    @property
    def masks(self) -> bool:
        """Whether an update writes just its columns; else it writes the whole entity, which must have been read."""
        return self.session.capabilities.property_masks

    @property
    def reads_first(self) -> bool:
        """Whether an update needs the row as it was, even if its new values do not depend on it."""
        return self.needs_before or self.needs_after or not self.masks

    def write(self, changes: Sequence[Change], committed: Callable[[Sequence[Change], list[MutationResult]], None] | None = None) -> None:
        """Commit changes, in chunks; `committed` is told of each. An error says how many rows had been written before it."""
        written = 0
        for unit in self.units(list(changes)):
            try:
                results = commit(self.session, unit)
            except DatabaseError as error:
                if not written:
                    raise
                raise with_progress(error, written, len(changes)) from error
            written += len(unit.changes)
            if committed is not None:
                committed(unit.changes, results)

    def units(self, changes: list[Change]) -> Iterator[Unit]:
        """Cut changes into commits that the store takes. The steps see each commit's changes as one batch.

        Inside a transaction, which commits everything at its end, the changes stay together.
        """
        if self.session.transaction is None:
            yield from self._cut(changes)
        elif changes:
            yield replace(self.unit(changes), parts=lambda: self._cut(changes))

    def _cut(self, changes: list[Change]) -> Iterator[Unit]:
        for chunk in self._first_cuts(changes):
            yield from self._halved(chunk)

    def _first_cuts(self, changes: list[Change]) -> Iterator[list[Change]]:
        """Cut changes where the limits on mutations and entity groups are reached by the rows alone."""
        capabilities = self.session.capabilities
        most, most_groups = min(capabilities.commit_mutations or MOST_ROWS, MOST_ROWS), capabilities.entity_groups
        chunk: list[Change] = []
        groups: set[object] = set()
        for change in changes:
            root = change.key.path[0]
            if len(chunk) == most or (most_groups is not None and len(groups) == most_groups and root not in groups):
                yield chunk
                chunk, groups = [], set()
            chunk.append(change)
            groups.add(root)
        if chunk:
            yield chunk

    def _halved(self, changes: list[Change]) -> Iterator[Unit]:
        unit = self.unit(changes)
        if len(changes) == 1 or fits(unit.mutations, self.session.capabilities):
            yield unit
            return
        middle = len(changes) // 2
        yield from self._halved(changes[:middle])
        yield from self._halved(changes[middle:])

    def unit(self, changes: list[Change]) -> Unit:
        """Return what is to be committed for changes, the steps' own mutations after the rows'."""
        own = () if self.arbiter is None else (self.arbiter,)
        if not self.steps:
            return Unit(changes, [self._mutation(change) for change in changes], own)
        for change in changes:
            change.derived, change.unindexed = {}, set()
        batch = Batch(self.mapping.model, self.session, changes)
        for step in self.steps:
            step(batch)
        mutations = [self._mutation(change) for change in changes] + batch.mutations
        return Unit(changes, mutations, (*batch.arbiters, *own), batch.receipts, self._deferred())

    def _deferred(self) -> list[tuple[Step, type[Model]]]:
        if not self.session.defers:
            return []
        late = [getattr(step, "at_commit", None) for step in self.steps]
        return [(step, self.mapping.model) for step in late if step is not None]

    def _mutation(self, change: Change) -> Mutation:
        if change.verb is Verb.DELETE:
            return Mutation(Verb.DELETE, change.key, base_version=change.version)
        values = {**change.values, **change.derived} if change.derived else change.values
        unindexed = self.mapping.unindexed | change.unindexed if change.unindexed else self.mapping.unindexed
        if change.verb is Verb.INSERT:
            return Mutation(change.verb, change.key, Entity(change.key, values, unindexed))
        if self.masks:
            return Mutation(
                change.verb, change.key, Entity(change.key, values, unindexed), tuple(values), change.transforms, change.version
            )
        return self._whole(change, values, unindexed)

    def _whole(self, change: Change, values: Any, unindexed: frozenset[str]) -> Mutation:
        """Return an update for a store that writes whole entities only: what the row held beyond the model's columns is kept."""
        assert change.before is not None
        entity = Entity(change.key, {**change.before.properties, **values}, change.before.unindexed - values.keys() | unindexed)
        return Mutation(change.verb, change.key, entity, base_version=change.version)


def narrowed(step: Step, assigned: Assigned) -> Step | None:
    """Return what a step is for an update of just these columns; None if that is not its business."""
    narrow: Callable[[Assigned], Step | None] | None = getattr(step, "narrowed", None)
    if narrow is not None:
        return narrow(assigned)
    watched: frozenset[str] | None = getattr(step, "columns", None)
    return step if watched is None or not watched.isdisjoint(assigned.names) else None


def fits(mutations: Sequence[Mutation], capabilities: Capabilities) -> bool:
    """Tell whether the store takes mutations in one commit."""
    if capabilities.commit_mutations is not None and len(mutations) > capabilities.commit_mutations:
        return False
    if capabilities.entity_groups is not None and len({mutation.key.path[0] for mutation in mutations}) > capabilities.entity_groups:
        return False
    return sum(map(estimated_bytes, mutations)) <= capabilities.request_bytes


def estimated_bytes(mutation: Mutation) -> int:
    """Return about how many bytes a mutation takes in a request, rather too many than too few."""
    size = MUTATION_OVERHEAD + _key_bytes(mutation.key)
    if mutation.entity is None:
        return size
    masked = sum(_text_bytes(name) + NAME_OVERHEAD for name in mutation.mask or ())
    return size + masked + _properties_bytes(mutation.entity)


def _key_bytes(key: Key) -> int:
    steps = sum(_text_bytes(kind) + KEY_STEP_OVERHEAD + _value_bytes(ident) for kind, ident in key.path)
    return KEY_OVERHEAD + len(key.namespace) + steps


def _properties_bytes(entity: Entity) -> int:
    return sum(_text_bytes(name) + PROPERTY_OVERHEAD + _value_bytes(value) for name, value in entity.properties.items())


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _value_bytes(value: Value) -> int:
    match value:
        case str():
            return _text_bytes(value)
        case bytes():
            return len(value)
        case tuple():
            return sum(PROPERTY_OVERHEAD + _value_bytes(item) for item in value)
        case Entity():
            return _properties_bytes(value)
        case Key():
            return _key_bytes(value)
        case _:
            return NUMBER_BYTES


def with_progress(error: DatabaseError, written: int, total: int) -> DatabaseError:
    """Return an error of the same class that says, in its text and as `progress`, what was written before it."""
    others = "what became of the next ones is not known" if isinstance(error, OutcomeUnknown) else "the others were not"
    progress = f"The first {written} of {total} rows had been written before this, {others}."
    said = Exception.__new__(type(error))
    said.__dict__.update(error.__dict__, progress=progress)
    said.args = (f"{error} {progress}",)
    return said
