"""Reads the rows of a plan, in chunks, as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from ..datamodel import KEY, Page, Query, Row, Shape
from ..datamodel.matching import compile_filter
from ..datamodel.ordering import compile_sort_key, sort_key
from ..datamodel.rows import first_of_each
from ..driver import LATEST, ReadOptions
from ..planner.plan import Plan
from ..session.session import Session

CHUNK = 2000  # rows that are handed on at a time where no page of the store sets the measure
WORKERS = 10  # branches whose first pages are asked for at the same time

Chunks = Iterator[list[Row]]


def read(plan: Plan, session: Session, options: ReadOptions = LATEST) -> Chunks:
    """Yield the rows of a plan, their values in the order of `plan.columns`, in chunks.

    `options.page_size` is the number of rows for each RPC, for a reader that wants to hold no more at a time.
    """
    if plan.is_empty:
        return iter(())
    at_once = plan.is_one_query and not plan.hidden and (plan.grouped or not plan.distinct_on)
    chunks = (_one_query if at_once else _assembled)(plan, session, options)
    restore = plan.mapping.restorer(plan.columns)
    return chunks if restore is None else map(restore, chunks)


def read_one(plan: Plan, session: Session) -> Row | None:
    """Return the first row of a plan, or None."""
    return next((chunk[0] for chunk in read(plan, session) if chunk), None)


def cursor_after(plan: Plan, session: Session) -> bytes | None:
    """Return the store's cursor after the last row of a plan that is one query, None for any other plan."""
    if not plan.is_one_query:
        return None
    cursor = None
    for page in session.run_query(_query(plan, 0, pushed=True), plan.mapping.shape((KEY,))):
        cursor = page.cursor or cursor
    return cursor


def _one_query(plan: Plan, session: Session, options: ReadOptions) -> Chunks:
    """Pass the pages of a query on as they are: the store has done everything."""
    query = _query(plan, 0, pushed=True)
    for page in session.run_query(query, plan.mapping.shape(plan.columns), options):
        if page.rows:
            yield page.rows


def _query(plan: Plan, branch: int, *, pushed: bool) -> Query:
    return Query(
        plan.mapping.kind,
        plan.namespace,
        filter=plan.branches[branch],
        orders=plan.orders if plan.ordered else (),
        projection=plan.distinct_on if plan.grouped else (),
        distinct_on=plan.distinct_on if plan.grouped else (),
        limit=plan.limit if pushed else None,
        offset=plan.offset if pushed else 0,
        start_cursor=plan.start_cursor,
        end_cursor=plan.end_cursor,
    )


def _assembled(plan: Plan, session: Session, options: ReadOptions) -> Chunks:
    names = (*plan.columns, *plan.hidden)
    shape, position = plan.mapping.shape(names), {name: at for at, name in enumerate(names)}
    rows = _by_keys(plan, session, shape, options) if plan.keys is not None else _by_branches(plan, session, shape, position, options)
    if plan.recheck is not None:
        rows = filter(compile_filter(plan.recheck, _getter(position)), rows)
    if plan.orders and not plan.ordered:
        rows = iter(sorted(rows, key=compile_sort_key(plan.orders, _getter(position))))
    if plan.distinct_on:
        rows = _distinct(rows, plan.distinct_on, position)
    stop = None if plan.limit is None else plan.offset + plan.limit
    rows = islice(rows, plan.offset, stop)
    visible = len(plan.columns)
    if visible < len(names):
        rows = (row[:visible] for row in rows)
    return _chunked(rows, options.page_size or CHUNK)


def _chunked(rows: Iterable[Row], size: int) -> Chunks:
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _getter(position: dict[str, int]) -> Callable[[str], Callable[[Row], Any]]:
    return lambda name: itemgetter(position[name])


def _by_keys(plan: Plan, session: Session, shape: Shape, options: ReadOptions) -> Iterator[Row]:
    """Look rows up; where no order is wanted they come in the order of their keys, as from a query."""
    keys = plan.keys or ()
    if len(keys) > 1:
        keys = tuple(sorted(keys, key=sort_key))
    return (row for row in session.lookup(keys, shape, options) if row is not None)


def _by_branches(plan: Plan, session: Session, shape: Shape, position: dict[str, int], options: ReadOptions) -> Iterator[Row]:
    streams = _started([_branch(plan, session, shape, at, options) for at in range(len(plan.branches))])
    if len(streams) == 1:
        return streams[0]
    key_of = itemgetter(position[KEY])
    if plan.orders and plan.ordered:
        streams = [merge(*streams, key=compile_sort_key(plan.orders, _getter(position)))]
    return first_of_each(chain.from_iterable(streams), key_of)


def _branch(plan: Plan, session: Session, shape: Shape, at: int, options: ReadOptions) -> Iterator[Page]:
    """Run one branch; each gives as many rows as the slice may need of it, if nothing after it drops any."""
    query = _query(plan, at, pushed=False)
    if plan.limit is not None and plan.recheck is None and plan.ordered and not plan.distinct_on:
        query = replace(query, limit=plan.offset + plan.limit)
    return session.run_query(query, shape, options)


def _started(branches: list[Iterator[Page]]) -> list[Iterator[Row]]:
    """Ask for the first page of every branch at the same time."""
    if len(branches) == 1:
        return [_rows(branches[0])]
    with ThreadPoolExecutor(min(WORKERS, len(branches))) as pool:
        first = list(pool.map(lambda pages: next(pages, None), branches))
    return [_rows(chain([page], pages)) for page, pages in zip(first, branches, strict=True) if page is not None]


def _rows(pages: Iterable[Page]) -> Iterator[Row]:
    return chain.from_iterable(page.rows for page in pages)


def _distinct(rows: Iterable[Row], names: tuple[str, ...], position: dict[str, int]) -> Iterator[Row]:
    return first_of_each(rows, itemgetter(*(position[name] for name in names)))
