"""Where a page ended, as bytes that a query can go on from in the same process."""

from __future__ import annotations

import hmac
import pickle
import secrets
from collections.abc import Sequence
from typing import Any

from kindstore.core.datamodel import Entity, Order, Query
from kindstore.core.datamodel.errors import InvalidRequest
from kindstore.core.datamodel.ordering import compile_sort_key
from kindstore.core.datamodel.rows import indexed_property

SECRET = secrets.token_bytes(32)  # what is unpickled below was pickled here
SIGNATURE = 32  # bytes


def cut(found: list[Entity], query: Query, orders: Sequence[Order]) -> list[Entity]:
    """Return the window of a query: between its cursors, then after its offset, then up to its limit."""
    position = compile_sort_key(orders, indexed_property)
    if query.start_cursor is not None:
        start = _read(query.start_cursor, orders)
        found = [entity for entity in found if start < position(entity)]
    if query.end_cursor is not None:
        end = _read(query.end_cursor, orders)
        found = [entity for entity in found if not end < position(entity)]
    return found[query.offset : None if query.limit is None else query.offset + query.limit]


def after(page: Sequence[Entity], query: Query, orders: Sequence[Order]) -> bytes | None:
    """Return the cursor after a page; an empty one ends where the query starts."""
    if not page:
        return query.start_cursor
    packed = pickle.dumps((tuple(orders), compile_sort_key(orders, indexed_property)(page[-1])))
    return hmac.digest(SECRET, packed, "sha256") + packed


def _read(cursor: bytes, orders: Sequence[Order]) -> Any:
    signature, packed = cursor[:SIGNATURE], cursor[SIGNATURE:]
    if not hmac.compare_digest(signature, hmac.digest(SECRET, packed, "sha256")):
        raise InvalidRequest("The cursor is none of this process. Run the query from its start.")
    written_for, position = pickle.loads(packed)
    if written_for != tuple(orders):
        raise InvalidRequest("The cursor is that of a query in another order. Use it with its own.")
    return position
