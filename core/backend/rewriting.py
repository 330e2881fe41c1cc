"""Rewrites the entities of a kind in batches; what was interrupted goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..datamodel import ENTITY, KEY, VERSION, Column, Entity, Key, Mutation, Op, Order, Query, Row, Shape, Test, Type, Value, Verb
from ..datamodel.errors import Contention, NotFound
from ..session.contention import ATTEMPTS, pause
from ..session.session import Session
from .catalog import Catalog, TableEntry
from .progressbar import ProgressBar

BATCH = 200
BATCH_BYTES = 2 * 2**20
WHOLE = Shape((Column(KEY, Type.KEY), Column(ENTITY, Type.ENTITY), Column(VERSION)))

# From an entity and its version to the mutations that change it; None leaves it as it is.
Change = Callable[[Entity, int], "tuple[Mutation, ...] | None"]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What becomes of an entity's properties: those to write, those to write without an index, and those to remove."""

    values: dict[str, Value]
    unindexed: frozenset[str] = frozenset()
    removed: tuple[str, ...] = ()


class Rewriter:
    """Rewrites the entities of one kind, each once.

    How far it has come is written to the catalog's entry in the same commit as each batch: the next run of the same `step` begins there.
    """

    def __init__(self, session: Session, catalog: Catalog, entry: TableEntry, step: str) -> None:
        self.session, self.catalog, self.entry, self.step = session, catalog, entry, step
        self.namespace = session.namespace()

    def assign(self, assignment: Callable[[Entity], Assignment | None]) -> None:
        """Change properties of the entities; `assignment` says which ones, None for an entity that stays as it is."""
        masks = self.session.capabilities.property_masks

        def change(entity: Entity, version: int) -> tuple[Mutation, ...] | None:
            made = assignment(entity)
            return None if made is None else (_assign(entity, version, made, masks=masks),)

        self._run(change, groups=1)

    def move(self, kind: str) -> None:
        """Move the entities to another kind; ids, names and ancestors stay."""

        def change(entity: Entity, version: int) -> tuple[Mutation, ...]:
            assert entity.key is not None
            key = replace(entity.key, path=(*entity.key.path[:-1], (kind, entity.key.id_or_name)))
            moved = Entity(key, entity.properties, entity.unindexed)
            return Mutation(Verb.INSERT, key, moved), Mutation(Verb.DELETE, entity.key, base_version=version)

        self._run(change, groups=2)

    def _run(self, change: Change, groups: int) -> None:
        after = self._resumed()
        limit = self._batch_size(groups)
        with ProgressBar(self.session, self._query(after)) as bar:
            while rows := self._rows(after, limit):
                for batch in _by_bytes(rows):
                    after = batch[-1][0]
                    self._commit(batch, change, after)
                    bar.advance(len(batch))

    def _resumed(self) -> Key | None:
        """Return the key of the last entity that an interrupted run of this step has dealt with."""
        if self.entry.progress is None or self.entry.progress[0] != self.step:
            return None
        return Key(tuple((kind, ident) for kind, ident in self.entry.progress[1]), self.namespace)

    def _batch_size(self, groups: int) -> int:
        capabilities = self.session.capabilities
        limits = [BATCH, capabilities.entity_groups, capabilities.commit_mutations]
        return max((min(limit for limit in limits if limit is not None) - 1) // groups, 1)

    def _rows(self, after: Key | None, limit: int) -> list[Row]:
        query = replace(self._query(after), orders=(Order(KEY),), limit=limit)
        return [row for page in self.session.run_query(query, WHOLE) for row in page.rows]

    def _query(self, after: Key | None) -> Query:
        """Return the query for the entities that are left."""
        return Query(self.entry.name, self.namespace, None if after is None else Test(KEY, Op.GT, after))

    def _commit(self, batch: Sequence[Row], change: Change, after: Key) -> None:
        """Commit the changes of a batch; what somebody else changed meanwhile is read again."""
        rows: Sequence[Row] = batch
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._commit_once(rows, change, after)
            except (Contention, NotFound):
                if attempt == ATTEMPTS:
                    raise
                pause(attempt)
                found = self.session.lookup([row[0] for row in batch], WHOLE)
                rows = [row for row in found if row is not None]
            else:
                return

    def _commit_once(self, rows: Sequence[Row], change: Change, after: Key) -> None:
        changes = [change(entity, version) for _, entity, version in rows]
        mutations = [mutation for made in changes if made is not None for mutation in made]
        if mutations:
            progress = replace(self.entry, progress=(self.step, after.path))
            self.session.store.commit([*mutations, self.catalog.mutation(progress)])


def _assign(entity: Entity, version: int, made: Assignment, *, masks: bool) -> Mutation:
    assert entity.key is not None
    if masks:
        names = (*made.values, *made.removed)
        return Mutation(Verb.UPDATE, entity.key, Entity(entity.key, made.values, made.unindexed), names, base_version=version)
    kept: dict[str, Any] = {name: value for name, value in entity.properties.items() if name not in made.removed}
    unindexed = made.unindexed | (entity.unindexed - set(made.values) - set(made.removed))
    return Mutation(Verb.UPDATE, entity.key, Entity(entity.key, {**kept, **made.values}, unindexed), base_version=version)


def _weight(value: Value) -> int:
    """Return about how many bytes a value takes at most."""
    if isinstance(value, Entity):
        return sum(len(name) + _weight(item) for name, item in value.properties.items())
    if isinstance(value, tuple):
        return sum(map(_weight, value))
    return len(value) * 4 if isinstance(value, (str, bytes)) else 16


def _by_bytes(rows: list[Row]) -> Iterator[list[Row]]:
    """Cut rows into batches that a request can hold."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        weight = _weight(row[1])
        if batch and size + weight > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    yield batch
