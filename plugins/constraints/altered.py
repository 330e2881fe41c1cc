"""What migrations of this process have made of the constraints of tables.

A model says what constraints its table has. Where the schema editor of this process has changed the table since, and the model at hand does
not say so, the table counts: a constraint that was added holds for the rows of a model from before, and one that was removed holds no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from ...core.session.alias import Alias

T = TypeVar("T")
K = TypeVar("K")


class Alterations(Generic[T]):
    """The constraints that a table has got, and those that it has lost, by what identifies them."""

    def __init__(self) -> None:
        self.added: dict[str, T] = {}
        self.removed: set[str] = set()

    def of(self, declared: Iterable[tuple[str, K]], made: Callable[[T], K]) -> list[K]:
        """Return what the rows of a model that declares these are kept to; `made` of what was added."""
        kept = [(identity, each) for identity, each in declared if identity not in self.removed]
        known = {identity for identity, _ in kept}
        return [*(each for _, each in kept), *(made(each) for identity, each in self.added.items() if identity not in known)]


class AlteredTables(Generic[T]):
    """The alterations of tables, in each namespace of each alias."""

    def __init__(self) -> None:
        self._tables: WeakKeyDictionary[Alias, dict[tuple[str, str], Alterations[T]]] = WeakKeyDictionary()

    def of(self, connection: Any, table: str) -> dict[str, Alterations[T]]:
        """Return the alterations of a table, by namespace."""
        tables = self._tables.get(connection.kindstore, {})
        return {namespace: each for (namespace, name), each in tables.items() if name == table}

    def add(self, connection: Any, table: str, identity: str, constraint: T | None) -> None:
        """Take note of a constraint that a table has got; None for one that the model of today has anyway."""
        alterations = self._noted(connection, table)
        alterations.removed.discard(identity)
        if constraint is not None:
            alterations.added[identity] = constraint

    def remove(self, connection: Any, table: str, identities: Iterable[str]) -> None:
        """Take note of constraints that a table has lost."""
        alterations = self._noted(connection, table)
        for identity in identities:
            alterations.added.pop(identity, None)
            alterations.removed.add(identity)

    def forget(self, connection: Any, table: str) -> None:
        """Forget what was noted of a table: it is gone, or a new one."""
        if self._tables.get(connection.kindstore, {}).pop((connection.session.namespace(), table), None) is not None:
            connection.kindstore.forget_steps()

    def _noted(self, connection: Any, table: str) -> Alterations[T]:
        connection.kindstore.forget_steps()
        tables = self._tables.setdefault(connection.kindstore, {})
        return tables.setdefault((connection.session.namespace(), table), Alterations())
