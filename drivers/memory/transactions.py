"""The open transactions of a store: the snapshot each reads, and what it has read."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...core.datamodel.errors import InvalidRequest
from .keys import Position

IDLE_SECONDS = 60.0  # the store ends a transaction that is not used for as long
LIFE_SECONDS = 270.0  # and one that is as old


@dataclass(slots=True, eq=False)
class Transaction:
    """One open transaction. `kinds` holds (namespace, kind) of its queries, kind None for all of a namespace."""

    id: bytes
    snapshot: int
    read_only: bool
    begun: float
    used: float
    entities: set[tuple[str, str, Position]] = field(default_factory=set)
    kinds: set[tuple[str, str | None]] = field(default_factory=set)


class Transactions:
    """Who calls it holds the store's lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._open: dict[bytes, Transaction] = {}

    def begin(self, snapshot: int, *, read_only: bool) -> Transaction:
        """Open a transaction; those that were abandoned are dropped."""
        now = self.clock()
        for transaction in [t for t in self._open.values() if _expired(t, now)]:
            del self._open[transaction.id]
        transaction = Transaction(secrets.token_bytes(12), snapshot, read_only, now, now)
        self._open[transaction.id] = transaction
        return transaction

    def use(self, id: bytes) -> Transaction:  # noqa: A002
        """Return an open transaction, or raise InvalidRequest."""
        transaction, now = self._open.get(id), self.clock()
        if transaction is None or _expired(transaction, now):
            self._open.pop(id, None)
            raise InvalidRequest("The transaction has ended or expired (after 60 seconds without use, or 270 in all). Begin another one.")
        transaction.used = now
        return transaction

    def end(self, id: bytes) -> None:  # noqa: A002
        """Forget a transaction; one that has ended is no error."""
        self._open.pop(id, None)

    def oldest(self) -> int | None:
        """Return the oldest snapshot that an open transaction reads."""
        if not self._open:
            return None
        now = self.clock()
        return min((t.snapshot for t in self._open.values() if not _expired(t, now)), default=None)


def _expired(transaction: Transaction, now: float) -> bool:
    return now - transaction.used > IDLE_SECONDS or now - transaction.begun > LIFE_SECONDS
