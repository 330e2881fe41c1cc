"""How a query goes on from one RPC to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.utils import OperationalError

from ...core.datamodel import KEY, Query, Shape, Type
from ...core.datamodel.filters import inequality_names, leaves
from .messages import MORE_RESULTS_AFTER_CURSOR, NO_MORE_RESULTS, NOT_FINISHED
from .query import MAX_OFFSET

RESPONSE_BYTES = 16 * 2**20
FIRST_ROWS, MIN_ROWS, MAX_ROWS = 10_000, 50, 50_000
_SCALARS = frozenset(Type) - {Type.ANY, Type.ARRAY}


class ResponseSizes:
    """Learns how many rows of a kind a response should hold, from the sizes of the responses so far. Threads may race over it."""

    def __init__(self) -> None:
        self._means: dict[Any, float] = {}

    def rows(self, sort: Any) -> int:
        """Return how many rows to ask for at once."""
        mean = self._means.get(sort)
        return FIRST_ROWS if mean is None else int(max(MIN_ROWS, min(MAX_ROWS, RESPONSE_BYTES / mean)))

    def learn(self, sort: Any, size: int, rows: int) -> None:
        """Take a response into account; a few rows say little about their kind."""
        if rows < MIN_ROWS:
            return
        known = self._means.get(sort)
        self._means[sort] = size / rows if known is None else (known + size / rows) / 2
        if len(self._means) > 4096:
            self._means.clear()


class Progress:
    """Where a query stands: what is left of its limit and its offset, and the cursor to go on from."""

    def __init__(self, query: Query, *, unique: bool, by_offset: bool = False) -> None:
        """`unique` removes the repetitions of an entity, which the store returns once for each matching element of an array.

        `by_offset` goes on by the number of the results so far, where the store refuses its own cursor.
        """
        self._by_offset, self._received = by_offset, 0
        self.left = query.limit
        self.offset = query.offset
        self.cursor = query.start_cursor
        self.finished = query.limit == 0
        self._seen: set[bytes] | None = set() if unique else None
        self._asked = 0

    def ask(self, message: Any, rows: int) -> None:
        """Write the limit, offset and start cursor of the next RPC into a Query message. `rows` bounds the RPC."""
        self._asked = min(rows if self.left is None else min(rows, self.left), MAX_OFFSET)
        message.limit.value = self._asked
        message.offset = min(self.offset + self._received, MAX_OFFSET)
        if self.cursor:
            message.start_cursor = self.cursor

    def take(self, batch: Any) -> Sequence[Any]:
        """Return the new results of a batch, and move on."""
        received = batch.entity_results
        if self._by_offset:
            self._received += len(received)
        results = received if self._seen is None else self._unseen(received, self._seen)
        if not self._by_offset:
            self.offset = 0 if len(received) else max(0, self.offset - batch.skipped_results)
        if self.left is not None:
            self.left -= len(results)
        self.finished = self.left == 0 or self._is_last(batch.more_results, len(received))
        if self._by_offset:
            return results
        if not self.finished and batch.end_cursor in (b"", self.cursor):
            raise OperationalError("RunQuery: the store says that there are more results, but not where. Run the query again.")
        self.cursor = batch.end_cursor or self.cursor
        return results

    def _is_last(self, more: int, received: int) -> bool:
        """The legacy store says "after limit" even of the last batch, so only "not finished" and a full batch go on."""
        if more == NOT_FINISHED:
            return False
        return more in (NO_MORE_RESULTS, MORE_RESULTS_AFTER_CURSOR) or received < self._asked

    @staticmethod
    def _unseen(received: Sequence[Any], seen: set[bytes]) -> list[Any]:
        results = []
        for result in received:
            key = result.entity.key.SerializeToString()
            if key not in seen:
                seen.add(key)
                results.append(result)
        return results


def may_repeat(query: Query, shape: Shape) -> bool:
    """Return whether an entity may come back twice: an inequality or an order reads a property that may be an array.

    A property that the shape reads as a scalar is none, or its row would be an UnexpectedType. A projection repeats on purpose.
    """
    if query.projection:
        return False
    names = {order.name for order in query.orders} | set(inequality_names(leaves(query.filter)))
    names.discard(KEY)
    return not names <= {column.name for column in shape.columns if column.type in _SCALARS}


def sorts_by_key_first(query: Query) -> bool:
    """Return whether a query sorts by the key before a property that it sorts by implicitly, because of an inequality."""
    names = [order.name for order in query.orders]
    return KEY in names and not set(inequality_names(leaves(query.filter))) <= {KEY, *names[: names.index(KEY)]}
