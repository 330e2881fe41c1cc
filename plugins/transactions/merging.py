"""Merges what a transaction has written into the store's answer to a query: matched, ordered and sliced as the store would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import Any

from ...core.datamodel import KEY, Column, Entity, Key, Order, Page, Query, Row, Shape, Type
from ...core.datamodel.filters import inequality_names, leaves
from ...core.datamodel.matching import compile_filter
from ...core.datamodel.ordering import MISSING, compile_path, compile_sort_key, is_sortable
from ...core.datamodel.rows import first_of_each, indexed_property, row_maker

Run = Callable[[Query, Shape], Iterator[Page]]
PAGE = 1000  # rows in a page where the reader does not say


def merged(query: Query, shape: Shape, touched: Mapping[Key, Entity | None], run: Run, page_size: int | None) -> Iterator[Page]:
    """Yield the pages of a query's rows; `touched` are the entities that the transaction has written, as they look now, None if deleted.

    `run` runs a query in the store. It is asked for as many rows more as there are touched entities, which may all be among its first.
    """
    orders = orders_of(query)
    sorting = tuple(Column(order.name) for order in orders if order.name != KEY)
    groups = tuple(Column(name) for name in query.distinct_on)
    wide = Shape((*shape.columns, Column(KEY, Type.KEY), *sorting, *groups))
    visible = len(shape.columns)
    position = {column.name: at for at, column in enumerate(wide.columns) if at >= visible}

    def getter(name: str) -> Callable[[Row], Any]:
        return itemgetter(position[name]) if name in position else lambda _row: MISSING

    key_of = itemgetter(position[KEY])
    stored = (row for page in run(store_query(query, len(touched)), wide) for row in page.rows if key_of(row) not in touched)
    holds, make, sort_key = matcher(query), row_maker(wide), compile_sort_key(orders, getter)
    written = sorted((make(entity) for entity in touched.values() if entity is not None and holds(entity)), key=sort_key)
    rows: Iterable[Row] = merge(stored, written, key=sort_key)
    if query.distinct_on:
        rows = first_of_each(rows, compile_sort_key([Order(name) for name in query.distinct_on], getter))
    rows = islice(rows, query.offset, None if query.limit is None else query.offset + query.limit)
    yield from _pages((row[:visible] for row in rows), page_size or PAGE)


def orders_of(query: Query) -> tuple[Order, ...]:
    """Return the orders in which the store answers a query, the implicit ones too, down to the key."""
    implicit = [Order(name) for name in sorted(set(inequality_names(leaves(query.filter))) - {KEY})]
    orders = query.orders or tuple(implicit)
    return orders if any(order.name == KEY for order in orders) else (*orders, Order(KEY))


def store_query(query: Query, touched: int) -> Query:
    """Return what to ask the store for."""
    limit = None if query.limit is None or query.distinct_on else query.offset + query.limit + touched
    return replace(query, projection=(), distinct_on=(), offset=0, limit=limit)


def matcher(query: Query) -> Callable[[Entity], bool]:
    """Return what tells whether an entity is among a query's results: it satisfies the filter, and has what the index is sorted by."""
    matches = None if query.filter is None else compile_filter(query.filter, indexed_property)
    names = dict.fromkeys([*(order.name for order in query.orders), *inequality_names(leaves(query.filter))])
    sorted_by = [compile_path(name, indexed_property) for name in names if name != KEY]

    def holds(entity: Entity) -> bool:
        return (matches is None or matches(entity)) and all(_has_entry(read(entity)) for read in sorted_by)

    return holds


def _has_entry(value: Any) -> bool:
    return any(map(is_sortable, value)) if type(value) is tuple else is_sortable(value)


def _pages(rows: Iterator[Row], size: int) -> Iterator[Page]:
    while chunk := list(islice(rows, size)):
        yield Page(chunk)
