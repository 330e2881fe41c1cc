"""The pages of a query's results, and the cursors between them."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from ...core.datamodel import Page
from ...core.datamodel.errors import InvalidRequest
from ...core.driver import RPC, Observe, ReadOptions
from .codec import decode_sort_keys, encode_sort_keys
from .decoding import Decoder
from .prepare import Prepared
from .reading import note_query, snapshot_of, tables_of
from .selection import Selection, Window, select
from .sorting import Place, Sorter
from .store import Store

PAGE_SIZE = 10_000


def pages(store: Store, prepared: Prepared, decoder: Decoder, options: ReadOptions, observe: Observe) -> Iterator[Page]:
    """Yield the pages of a query.

    Results that had to be collected are all of one moment; streamed ones go on after the last row in the state of the next moment.
    """
    query = prepared.query
    size = options.page_size or PAGE_SIZE
    window: Window | None = first_window(prepared, size)
    selection, taken = Selection([], True, Sorter((), ())), 0
    while window is not None:
        start = perf_counter()
        try:
            if taken == len(selection.records):
                selection, taken = _read(store, prepared, options, window), 0
            records = selection.records[taken : taken + size]
            taken += len(records)
            page = Page(decoder.rows(records), encode_sort_keys(query.kind, selection.place(taken - 1)) if taken else None)
        except BaseException as error:
            observe(RPC("RunQuery", query, perf_counter() - start, error=error))
            raise
        observe(RPC("RunQuery", query, perf_counter() - start, len(records)))
        yield page
        if taken == len(selection.records):
            window = None if selection.complete else window.following(selection.place(taken - 1), taken)


def first_window(prepared: Prepared, page: int | None = None) -> Window:
    """Return what a query asks for."""
    query = prepared.query
    return Window(_decode(query.start_cursor, prepared), _decode(query.end_cursor, prepared), query.offset, query.limit, page)


def _read(store: Store, prepared: Prepared, options: ReadOptions, window: Window) -> Selection:
    with store.reading:
        snapshot, transaction = snapshot_of(store, options)
        note_query(transaction, prepared.query)
        return select(tables_of(store, prepared.query), prepared, snapshot, window)


def _decode(cursor: bytes | None, prepared: Prepared) -> Place | None:
    if not cursor:
        return None
    try:
        kind, place = decode_sort_keys(cursor)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidRequest("The cursor is not one that this store gave; start the query anew.") from error
    if kind != prepared.query.kind:
        raise InvalidRequest(f"The query's kind is {prepared.query.kind!r}, but its cursor is of kind {kind!r}.")
    if len(place) != len(prepared.orders):
        raise InvalidRequest("The cursor does not fit the query's sort orders; use it with the query that it came from.")
    return place
