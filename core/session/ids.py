"""Where the ids of new rows come from."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Protocol

from ..datamodel import ID, KEY, Column, Order, Query, Shape, Type

if TYPE_CHECKING:
    from .session import Session

RANDOM_BITS = 52  # exact in JavaScript's numbers, and spread over the key range, so that no tablet of the store becomes hot
_IDS = Shape((Column(ID, Type.ANY),))


class IdSource(Protocol):
    """Gives ids for new rows of a kind."""

    def take(self, kind: str, namespace: str, count: int) -> list[int]: ...

    def reset(self) -> None: ...


class RandomIds:
    """Random ids below 2**52: no RPC, no hot spot."""

    def take(self, kind: str, namespace: str, count: int) -> list[int]:  # noqa: ARG002 - any kind
        return [secrets.randbits(RANDOM_BITS) or 1 for _ in range(count)]

    def reset(self) -> None:
        """Nothing to forget."""


_next: dict[tuple[str, str, str], int] = {}
_lock = threading.Lock()


class SequentialIds:
    """Ids that count up from the greatest that is stored, for tests that want to know them; within one process only."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def take(self, kind: str, namespace: str, count: int) -> list[int]:
        place = (self.session.driver.identity, namespace, kind)
        greatest = self._greatest(kind, namespace)
        with _lock:
            start = max(_next.get(place, 1), greatest + 1)
            _next[place] = start + count
        return list(range(start, start + count))

    def _greatest(self, kind: str, namespace: str) -> int:
        query = Query(kind, namespace, orders=(Order(KEY, descending=True),), limit=1)
        rows = [row for page in self.session.run_query(query, _IDS) for row in page.rows]
        return rows[0][0] if rows and isinstance(rows[0][0], int) else 0

    def reset(self) -> None:
        """Start again from what is stored; after a flush."""
        with _lock:
            for place in [place for place in _next if place[0] == self.session.driver.identity]:
                del _next[place]


def id_source(ids: str, session: Session) -> IdSource:
    """Return the source that OPTIONS["ids"] names."""
    return SequentialIds(session) if ids == "sequential" else RandomIds()
