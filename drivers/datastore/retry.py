"""When a failed RPC is sent again, and how long to wait before that."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from .errors import Code, was_never_sent

_TRANSIENT = frozenset((Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL))
READS = frozenset(("Lookup", "RunQuery", "RunAggregationQuery", "BeginTransaction", "Rollback", "AllocateIds", "ReserveIds"))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long to try; times are in seconds.

    `connect` bounds the tries while no connection can be made, so that a store that is down is reported at once.
    """

    attempts: int = 5
    first: float = 0.1
    factor: float = 2.0
    connect: float = 2.5

    def delays(self) -> Iterator[float]:
        """Yield the pause before each further try: jittered over its whole length, so that clients do not come back together."""
        pause = self.first
        for _ in range(self.attempts - 1):
            yield random.uniform(0, pause)
            pause *= self.factor

    def allows(self, method: str, error: grpc.RpcError, elapsed: float, timeout: float) -> bool:
        """Return whether the RPC may be repeated. A commit only when it cannot have left: it may have been applied, or may be, later."""
        if was_never_sent(error):
            return elapsed < min(self.connect, timeout)
        return method in READS and error.code() in _TRANSIENT and elapsed < timeout
