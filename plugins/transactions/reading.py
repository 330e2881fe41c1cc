"""What a transaction sees: what the store had at its moment, and over that what it has written itself.

It remembers the version of every entity that it reads; the commit depends on those of the entities that it writes or locks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.db.utils import NotSupportedError

from ...core.datamodel import (
    ENTITY,
    KEY,
    VERSION,
    Aggregation,
    Column,
    Entity,
    Key,
    Page,
    Query,
    Row,
    Shape,
    Type,
    Value,
    Verb,
)
from ...core.datamodel.aggregating import aggregate, bounded, properties_of
from ...core.datamodel.ordering import MISSING
from ...core.datamodel.rows import row_maker
from ...core.driver import LATEST, ReadOptions
from .errors import PreventedReadError, TransactionFailedError
from .merging import matcher, merged
from .overlay import Overlay, Stored
from .snapshot import Base, Characteristics, Snapshot

if TYPE_CHECKING:
    from ...core.backend.place import Place

WHOLE = Shape((Column(VERSION, Type.INT), Column(ENTITY, Type.ENTITY)))


class Reader:
    """The reading side of a transaction."""

    def __init__(self, base: Base, characteristics: Characteristics, place: Place, alias: str) -> None:
        self.base, self.capabilities, self.alias, self.place = base, base.capabilities, alias, place
        self.characteristics = characteristics
        self.overlay = Overlay()
        self.stored: dict[Key, Stored] = {}
        self.locked: dict[Key, Entity | None] = {}  # as they were when they were locked, None where that is not known
        self.read: set[Key] = set()
        self.prevented: set[Key] = set()
        self.reads_rows = False  # whether anything but the statements that write has read, and update_or_create() of what it updates
        self._has_locked = False
        self._performs = False  # whether a statement that writes is running
        # A test's transaction sees what other threads and nested independent transactions commit, and is never committed itself.
        self.guards = not place.for_test and not isinstance(base, Reader)
        self.on_begin: Callable[[Any], None] = lambda _transaction: None
        self.snapshot = self._new_snapshot()

    def _new_snapshot(self) -> Snapshot:
        return Snapshot(self.base, self.characteristics, pinned=self.guards, on_begin=lambda: self.on_begin(self))

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST) -> list[Row | None]:
        """Read rows by key, as they look inside the transaction."""
        self._note_read(keys, options)
        found = self._entities(keys)
        if options.intent == "lock":
            self._lock(found)
        make = _row_maker(shape)
        return [None if entity is None else make(entity) for entity in map(found.__getitem__, keys)]

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST) -> Iterator[Page]:
        """Run a query over what the store has and the transaction has written."""
        touched = self._touched(query)
        if not touched and not (query.projection and self._has_to_see_rows(options)):
            yield from self._noted_pages(query, shape, options)
            return
        if query.start_cursor or query.end_cursor:
            why = "has written to its kind" if touched else "has to see every row of its groups"
            raise NotSupportedError(
                f"A query with a cursor cannot run inside a transaction that {why} ({query.kind}): a cursor is a place in what the store "
                "answers. Run it outside the transaction, before the writes or after the commit."
            )
        yield from merged(query, shape, touched, lambda asked, wide: self._noted_pages(asked, wide, options), options.page_size)

    def _has_to_see_rows(self, options: ReadOptions) -> bool:
        """Tell whether the versions of all rows that are read have to be known: where no moment is pinned, and where they are locked."""
        return self.guards and (options.intent == "lock" or not self.capabilities.read_time)

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST) -> tuple[Value, ...]:
        """Aggregate the results of a query over what the store has and the transaction has written."""
        self._note_read((), options)
        touched = self._touched(query)
        if not touched:
            with self.snapshot.reading(options, query) as effective:
                return self.base.aggregate(query, aggregations, effective)
        if len(aggregations) == 1 and aggregations[0].function == "count" and not query.distinct_on:
            return (self._count(query, aggregations[0], touched),)
        names = properties_of(aggregations)
        shape = Shape(tuple(Column(name, default=_missing) for name in names) or (Column(KEY, Type.KEY),))
        rows = [row for page in self.run_query(query, shape) for row in page.rows]
        return aggregate(aggregations, rows, lambda name: itemgetter(names.index(name)))

    def _entities(self, keys: Sequence[Key]) -> Mapping[Key, Entity | None]:
        """Return how entities look inside the transaction, reading those that are not known."""
        unknown = [key for key in dict.fromkeys(keys) if not self._is_known(key)]
        fetched = self._fetch(unknown) if unknown else {}
        found: dict[Key, Entity | None] = {}
        for key in keys:
            write = self.overlay.writes.get(key)
            found[key] = write.entity if write is not None else (fetched.get(key) or self.stored[key]).entity
        return found

    def _is_known(self, key: Key) -> bool:
        write = self.overlay.writes.get(key)
        if write is not None:
            return not write.is_partial
        stored = self.stored.get(key)
        return stored is not None and stored.is_whole

    def _fetch(self, keys: Sequence[Key]) -> dict[Key, Stored]:
        """Read entities whole, and complete the writes of some of their properties."""
        with self.snapshot.reading(LATEST) as options:
            rows = self.base.lookup(keys, WHOLE, options)
        fetched: dict[Key, Stored] = {}
        for key, row in zip(keys, rows, strict=True):
            stored = fetched[key] = self._stored(row)
            self._refuse_changed(key, stored)
            if self.guards:
                self.stored[key] = stored
            write = self.overlay.writes.get(key)
            if write is not None and write.is_partial:
                if stored.entity is None:
                    raise changed(key)
                self.overlay.complete(key, stored.entity)
        return fetched

    def _stored(self, row: Row | None) -> Stored:
        if row is None:
            return Stored(False, 0 if self.guards else None)
        version, entity = row
        return Stored(True, version if self.guards else None, entity if entity.version == version else replace(entity, version=version))

    def _refuse_changed(self, key: Key, stored: Stored) -> None:
        known = self.stored.get(key)
        if known is None or known.version is None or known.version == stored.version:
            return
        if not (self.place.is_update_or_create and key in self.locked):  # which is run again
            raise changed(key)

    def _touched(self, query: Query) -> dict[Key, Entity | None]:
        """Return the entities of a query's kind that the transaction has written, as they look now."""
        writes = dict(self.overlay.of_kind(query.kind, query.namespace))
        partial = [key for key, write in writes.items() if write.is_partial]
        if partial:
            self._fetch(partial)
        return {key: self.overlay.writes[key].entity for key in writes}

    def _noted_pages(self, query: Query, shape: Shape, options: ReadOptions) -> Iterator[Page]:
        """Run a query in the store, and remember the versions of the rows that it gives."""
        if query.projection:
            self._note_read((), options)
        if query.projection or (self.place.for_test and not self.prevented and options.intent != "lock"):
            yield from self._pages(query, shape, options)
            return
        visible, locks = len(shape.columns), options.intent == "lock"
        whole = locks and (self.place.is_update_or_create or not self.capabilities.property_masks)
        wide = _with_versions(shape, whole=whole)
        remembers = self._remembers(shape, options)
        for page in self._pages(query, wide, options):
            self._note_read([row[visible] for row in page.rows], options)
            for row in page.rows:
                self._note_row(row[visible:], remembers=remembers, locks=locks)
            yield Page([row[:visible] for row in page.rows], page.cursor)

    def _remembers(self, shape: Shape, options: ReadOptions) -> bool:
        """Tell whether the versions of a query's rows are remembered: not where an old state may be what is about to be written."""
        if not self.guards or (shape.keys_only and not self.capabilities.keys_only_versions and options.intent != "lock"):
            return False
        return self.capabilities.strong_queries or options.intent != "write"

    def _note_row(self, row: Row, *, remembers: bool, locks: bool) -> None:
        key, version, entity = row[0], row[1], row[2] if len(row) > 2 else None
        known = self.stored.get(key)
        if remembers and (known is None or (entity is not None and not known.is_whole and known.version == version)):
            self.stored[key] = Stored(True, version, entity, by_query=not self.capabilities.strong_queries)
        if locks:
            self.locked.setdefault(key, entity)

    def _pages(self, query: Query, shape: Shape, options: ReadOptions) -> Iterator[Page]:
        with self.snapshot.reading(options, query) as effective:
            pages = self.base.run_query(query, shape, effective)
            first = next(pages, None)
        if first is not None:
            yield first
            yield from pages

    def _count(self, query: Query, aggregation: Aggregation, touched: Mapping[Key, Entity | None]) -> int:
        """Count in the store, and correct that by what the transaction has written: two RPCs, however many rows there are."""
        counted = replace(query, limit=None, offset=0)
        with self.snapshot.reading(LATEST, counted) as effective:
            (total,) = self.base.aggregate(counted, (Aggregation("count"),), effective)
        assert isinstance(total, int)
        holds = matcher(query)
        total += sum(entity is not None and holds(entity) for entity in touched.values())
        total -= sum(entity is not None and holds(entity) for entity in self._before(touched))
        total = max(0, total - query.offset)
        return bounded(total if query.limit is None else min(total, query.limit), aggregation)

    def _before(self, keys: Mapping[Key, Entity | None]) -> Iterator[Entity | None]:
        """Yield the touched entities as the store has them."""
        inserted = {key for key in keys if (mutation := self.overlay.writes[key].mutation) is None or mutation.verb is Verb.INSERT}
        known = {key: stored for key in keys if (stored := self.stored.get(key)) is not None and stored.is_whole}
        unknown = [key for key in keys if key not in inserted and key not in known]
        fetched = self._fetch(unknown) if unknown else {}
        return ((fetched.get(key) or known[key]).entity for key in keys if key not in inserted)

    def _lock(self, found: Mapping[Key, Entity | None]) -> None:
        for key, entity in found.items():
            write = self.overlay.writes.get(key)
            is_new = write is not None and write.mutation is not None and write.mutation.verb is Verb.INSERT
            if entity is not None and not is_new:  # a new row is nobody else's business
                self.locked.setdefault(key, entity)

    def _note_read(self, keys: Sequence[Key], options: ReadOptions) -> None:
        if self._performs:  # what a statement reads for itself, nobody else sees
            return
        self.read.update(keys)
        is_first_lock = options.intent == "lock" and not self._has_locked and not self.overlay.writes
        self._has_locked = self._has_locked or options.intent == "lock"
        self.reads_rows = self.reads_rows or not (is_first_lock and self.place.is_update_or_create)
        if self.prevented and not self.prevented.isdisjoint(keys):
            key = next(key for key in keys if key in self.prevented)
            raise PreventedReadError(f"The transaction has promised not to read {key} any more (prevent_read).")


def changed(key: Key) -> TransactionFailedError:
    """Return the error for an entity that is no longer as the transaction read it."""
    return TransactionFailedError(
        f"The transaction failed: somebody else changed {key} after it was read. Nothing was written. Run it again, for example by "
        "@atomic(retries=3)."
    )


def _missing() -> Any:
    return MISSING


@lru_cache(1024)
def _row_maker(shape: Shape) -> Callable[[Entity], Row]:
    return row_maker(shape)


@lru_cache(1024)
def _with_versions(shape: Shape, *, whole: bool) -> Shape:
    extra = (Column(KEY, Type.KEY), Column(VERSION, Type.INT), *((Column(ENTITY, Type.ENTITY),) if whole else ()))
    return Shape((*shape.columns, *extra))
