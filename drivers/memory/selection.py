"""Finds the results of a query in the indexes: streamed from an index that is in order, or collected and sorted."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from ...core.datamodel import KEY, And
from ...core.datamodel.matching import Conjunction, compile_filter
from .access import Access, accesses, best_access, ordered_access, uncovered
from .index import TOP, Entry
from .keys import ITSELF, Position
from .prepare import Prepared
from .projection import explode, identity
from .record import Record, reader
from .sorting import Place, Sorter
from .table import Table

SMALL = 64  # as many results are rather sorted than an index built for their order
Matches = Callable[[Record], bool] | None
Changed = dict[Position, Record | None]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the results is wanted: those after one place, up to another, without the first `skip`, `limit` in all.

    Of those that need not be sorted only the first `page` are wanted at once.
    """

    after: Place | None = None
    until: Place | None = None
    skip: int = 0
    limit: int | None = None
    page: int | None = None

    @property
    def end(self) -> int | None:
        """How many results are looked at."""
        return None if self.limit is None else self.skip + self.limit

    @property
    def page_end(self) -> int | None:
        """How many results are looked at for the first page: one more than it holds, to know whether there is another."""
        if self.page is None or (self.limit is not None and self.limit <= self.page):
            return self.end
        return self.skip + self.page + 1

    def following(self, place: Place, count: int) -> Window:
        """Return the window that follows the first `count` results, of which the last stands at `place`."""
        return Window(place, self.until, 0, None if self.limit is None else self.limit - count, self.page)


@dataclass(slots=True)
class Selection:
    """Results in order; `complete` when the window holds no more than these. `places` may be left to be computed."""

    records: list[Record]
    complete: bool
    sorter: Sorter
    places: list[Place] | None = None

    def place(self, index: int) -> Place:
        """Return where a result stands."""
        if self.places is not None:
            return self.places[index]
        place = self.sorter.place(self.records[index])
        assert place is not None
        return place


def select(tables: list[Table], prepared: Prepared, snapshot: int | None, window: Window) -> Selection:
    """Find results; the store's lock is held."""
    if len(tables) == 1 and len(prepared.branches) == 1 and prepared.plain:
        table, branch = tables[0], prepared.branches[0]
        access = _streamed(table, prepared, branch, window.end)
        if access is not None:
            return _Stream(table, prepared, branch, access, _changed(table, snapshot)).run(window)
    return _collect(tables, prepared, snapshot, window)


def count_plainly(table: Table, prepared: Prepared, snapshot: int | None) -> int | None:
    """Return how many results there are, where an index tells without looking at them; else None."""
    changed = snapshot is not None and table.last_change > snapshot
    if changed or len(prepared.branches) != 1 or not prepared.plain:
        return None
    branch, names = prepared.branches[0], {order.name for order in prepared.orders} - {KEY}
    if not branch and not names:
        return len(table.rows)
    for access in accesses(table, branch, by_key=not branch):
        if not uncovered(branch, access) and names <= {access.index.name} and (access.equal or not access.index.repeats):
            return access.count()
    return None


def _changed(table: Table, snapshot: int | None) -> Changed:
    return {} if snapshot is None or table.last_change <= snapshot else table.changed_since(snapshot)


def _compile(branch: Conjunction) -> Matches:
    return compile_filter(And(branch), reader) if branch else None


def _streamed(table: Table, prepared: Prepared, branch: Conjunction, reach: int | None) -> Access | None:
    """Return the access to stream from, None where it is cheaper to collect the candidates of another and to sort them."""
    best, candidates = best_access(table, branch)
    first = prepared.orders[0].name
    if first == KEY:
        if len(prepared.orders) > 1:
            return None
        return best if best.equal else _worthwhile(next(accesses(table, branch)), candidates, reach)
    if best.index.name == first and not best.equal:
        return best
    if candidates <= SMALL:
        return None
    return _worthwhile(ordered_access(table, first, branch), candidates, reach)


def _worthwhile(access: Access, candidates: int, reach: int | None) -> Access | None:
    entries = access.count()
    visited = entries if reach is None else min(entries, reach * entries // max(1, candidates))
    return access if visited <= (candidates if reach is None else 2 * candidates) else None


class _Stream:
    """Walks an index in the order of the results."""

    def __init__(self, table: Table, prepared: Prepared, branch: Conjunction, access: Access, changed: Changed) -> None:
        self._table, self._access, self._branch, self._changed = table, access, branch, changed
        self._sorter = Sorter(prepared.orders, branch)
        self._reverse = prepared.orders[0].descending
        self._matches = _compile(uncovered(branch, access))
        directions = {order.descending for order in prepared.orders}
        self._exact = len(directions) == 1 and len(prepared.orders) == (1 if prepared.orders[0].name == KEY else 2)
        self._by_key = prepared.orders[0].name == KEY

    def run(self, window: Window) -> Selection:
        low, high = self._bounds(window)
        index, end = self._access.index, window.page_end
        if self._exact and self._matches is None and not self._changed and (self._by_key or not index.repeats):
            entries = index.scan(low, high, reverse=self._reverse, skip=window.skip)
            rows = self._table.rows
            records = [rows[position] for position in islice(index.positions(entries), None if end is None else end - window.skip)]
            return self._selection(records, window)
        found = self._records(index.scan(low, high, reverse=self._reverse))
        if not self._exact:
            found = self._regrouped(found, window)
        records = list(islice(found, end))
        if self._changed:
            records = self._with_past(records, window)[:end]
        return self._selection(records[window.skip :], window)

    def _selection(self, records: list[Record], window: Window) -> Selection:
        complete = window.page is None or len(records) <= window.page
        return Selection(records if complete else records[: window.page], complete, self._sorter)

    def _bounds(self, window: Window) -> tuple[Entry | None, Entry | None]:
        low, high = self._access.low, self._access.high
        lower, upper = (window.until, window.after) if self._reverse else (window.after, window.until)
        if lower is not None:
            bound = self._entry(lower, beyond=not self._reverse, upper=False)
            low = bound if low is None else max(low, bound)
        if upper is not None:
            bound = self._entry(upper, beyond=not self._reverse, upper=True)
            high = bound if high is None else min(high, bound)
        return low, high

    def _entry(self, place: Place, *, beyond: bool, upper: bool) -> Entry:
        """Return the bound that a place makes in the index: just before it, or `beyond` it; of its whole group when groups are sorted."""
        position: Position = place[-1] + ITSELF if beyond else place[-1]
        if self._by_key:
            return position if self._access.index.name == KEY else (*self._equal_value(), position)
        if self._exact:
            return (*place[0], position)
        return (*place[0], TOP) if upper else tuple(place[0])

    def _equal_value(self) -> Entry:
        assert self._access.low is not None
        return self._access.low[:2]

    def _records(self, entries: Iterable[Entry]) -> Iterator[Record]:
        index, rows, matches, changed = self._access.index, self._table.rows, self._matches, self._changed
        repeated = index.repeats and not self._by_key
        for entry in entries:
            position = index.position(entry)
            if changed and position in changed:
                continue
            record = rows[position]
            if (matches is None or matches(record)) and (not repeated or self._is_chosen(record, entry)):
                yield record

    def _is_chosen(self, record: Record, entry: Entry) -> bool:
        """Say whether of an array's entries this is the one that the entity sorts by, so that it occurs once."""
        place = self._sorter.place(record)
        return place is not None and place[0] == entry[:2]

    def _regrouped(self, records: Iterable[Record], window: Window) -> Iterator[Record]:
        """Sort the entities that agree in the first sort order by the others."""
        placed = ((place, record) for record in records if (place := self._sorter.place(record)) is not None)
        for _, group in groupby(placed, key=lambda item: item[0][0]):
            ranked = [(self._sorter.rank(place), record) for place, record in group if self._is_within(place, window)]
            ranked.sort(key=lambda item: item[0], reverse=self._sorter.reverse)
            for _, record in ranked:
                yield record

    def _is_within(self, place: Place, window: Window) -> bool:
        if window.after is not None and not self._sorter.is_after(place, window.after):
            return False
        return window.until is None or not self._sorter.is_after(place, window.until)

    def _with_past(self, records: list[Record], window: Window) -> list[Record]:
        """Add the entities that changed since the snapshot, as they were at it."""
        matches = _compile(self._branch)
        candidates = [old for old in self._changed.values() if old is not None and (matches is None or matches(old))]
        past = [old for old in candidates if (place := self._sorter.place(old)) is not None and self._is_within(place, window)]
        ranked = [(self._sorter.rank(self._sorter.place(record)), record) for record in (*records, *past)]  # type: ignore[arg-type]
        ranked.sort(key=lambda item: item[0], reverse=self._sorter.reverse)
        return [record for _, record in ranked]


def _collect(tables: list[Table], prepared: Prepared, snapshot: int | None, window: Window) -> Selection:
    found: dict[Any, tuple[Any, Place, Record]] = {}
    sorter = Sorter(prepared.orders, ())
    for table in tables:
        changed = _changed(table, snapshot)
        for branch in prepared.branches:
            _collect_branch(table, prepared, branch, changed, found)
    bounded = not (prepared.query.distinct_on or window.after or window.until)
    results = _sorted(list(found.values()), sorter, window.end if bounded else None)
    if prepared.query.distinct_on:
        results = _distinct(results, len(prepared.query.distinct_on), window.after)
    results = [item for item in results if _is_within(sorter, item[1], window)]
    kept = results[window.skip : window.end]
    return Selection([item[2] for item in kept], True, sorter, [item[1] for item in kept])


def _collect_branch(
    table: Table, prepared: Prepared, branch: Conjunction, changed: Changed, found: dict[Any, tuple[Any, Place, Record]]
) -> None:
    sorter, projection = Sorter(prepared.orders, branch), prepared.query.projection
    for record in _candidates(table, branch, changed):
        for result in explode(record, projection, branch) if projection else (record,):
            place = sorter.place(result)
            if place is None:
                continue
            name = identity(result, projection) if projection else record.position
            rank, known = sorter.rank(place), found.get(name)
            if known is None or (rank > known[0] if sorter.reverse else rank < known[0]):
                found[name] = rank, place, result


def _candidates(table: Table, branch: Conjunction, changed: Changed) -> Iterator[Record]:
    access, _ = best_access(table, branch)
    matches, rows = _compile(uncovered(branch, access)), table.rows
    for position in access.index.positions(access.index.scan(access.low, access.high)):
        if changed and position in changed:
            continue
        record = rows[position]
        if matches is None or matches(record):
            yield record
    matches = _compile(branch) if changed else None
    for old in changed.values():
        if old is not None and (matches is None or matches(old)):
            yield old


def _sorted(results: list[tuple[Any, Place, Record]], sorter: Sorter, reach: int | None) -> list[tuple[Any, Place, Record]]:
    if reach is not None and reach * 8 < len(results):
        choose = heapq.nlargest if sorter.reverse else heapq.nsmallest
        return choose(reach, results, key=lambda item: item[0])
    results.sort(key=lambda item: item[0], reverse=sorter.reverse)
    return results


def _distinct(results: list[tuple[Any, Place, Record]], groups: int, after: Place | None) -> list[tuple[Any, Place, Record]]:
    firsts = [next(group) for _, group in groupby(results, key=lambda item: item[1][:groups])]
    return [item for item in firsts if after is None or item[1][:groups] != after[:groups]]


def _is_within(sorter: Sorter, place: Place, window: Window) -> bool:
    if window.after is not None and not sorter.is_after(place, window.after):
        return False
    return window.until is None or not sorter.is_after(place, window.until)
