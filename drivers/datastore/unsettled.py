"""What was written to an emulator that may never show it to a query."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from ...core.datamodel import Key

MOST_GROUPS = 50_000  # about 15 MB


class Unsettled:
    """The entity groups that were written to, by their roots; threads may share it.

    Only the last `most` are kept, so that a development server does not grow without end; a reset finds older ones where a query does.
    """

    def __init__(self, most: int = MOST_GROUPS) -> None:
        self._most = most
        self._roots: OrderedDict[Key, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._roots)

    def add(self, keys: Iterable[Key]) -> None:
        """Note the entity groups of keys that are about to be written."""
        for key in keys:
            root = key.root
            self._roots.pop(root, None)  # the last write counts
            self._roots[root] = None
        while len(self._roots) > self._most:
            self._roots.popitem(last=False)

    def within(self, namespace: str) -> list[Key]:
        """Return the groups of a namespace, those written last at the end."""
        return [root for root in tuple(self._roots) if root.namespace == namespace]

    def forget(self, roots: Iterable[Key]) -> None:
        """Leave out groups that queries show now."""
        for root in roots:
            self._roots.pop(root, None)
