"""What migrations of this process have made of the constraints of tables.

A model says what is unique in its table. Where the schema editor of this process has changed the table since, and the model at hand does
not say so, the table counts: a model from before a constraint was added is kept unique by it, and one that still has a constraint which was
removed is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ...core.optouts import live_model
from .uniques import Unique, Uniques, claims, uniques_of

if TYPE_CHECKING:
    from ...core.datamodel import Entity, Key
    from ...core.mapping import ModelMapping
    from ...core.session.alias import Alias
    from .claiming import Claimer


@dataclass(slots=True)
class Alterations:
    """The constraints that a table has got, and the identities of those that it has lost."""

    added: dict[str, tuple[Unique, Claimer]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def of(self, declared: Mapping[Unique, Claimer]) -> dict[Unique, Claimer]:
        """Return the constraints that the rows of a model keep which declares these."""
        kept = {unique: claimer for unique, claimer in declared.items() if unique.identity not in self.removed}
        known = {unique.identity for unique in kept}
        return kept | {unique: claimer for identity, (unique, claimer) in self.added.items() if identity not in known}


_altered: WeakKeyDictionary[Alias, dict[tuple[str, str], Alterations]] = WeakKeyDictionary()


class KeptUniques:
    """The constraints of a model, as `Uniques`, with the alterations of its table in each namespace."""

    def __init__(self, declared: Uniques, altered: Mapping[str, Alterations]) -> None:
        self.mapping: ModelMapping = declared.mapping
        self._declared, self._alias = declared.claimers, declared.alias
        self._kept = {namespace: each.of(self._declared) for namespace, each in altered.items()}
        self.all: tuple[Unique, ...] = tuple(dict.fromkeys(unique for each in (self._declared, *self._kept.values()) for unique in each))
        self.columns = frozenset(name for unique in self.all for name in unique.columns)

    def claims(self, entities: Sequence[Entity], among: Collection[Unique] | None = None) -> list[dict[Key, Unique]]:
        """Return for each row the keys of the markers that it must own, by some of the constraints or by all."""
        namespace = entities[0].key.namespace if entities and entities[0].key is not None else ""  # the same for all of a statement
        return claims(self.mapping.kind, self._alias, self._kept.get(namespace, self._declared), entities, among)


def kept_of(model: Any, connection: Any) -> Uniques | KeptUniques:
    """Return what the rows of a model keep unique: what it declares, unless this process has altered its table."""
    declared = uniques_of(model, connection)
    kind = declared.mapping.kind
    tables = _altered.get(connection.kindstore, {})
    altered = {namespace: each for (namespace, table), each in tables.items() if table == kind}
    return KeptUniques(declared, altered) if altered else declared


def note_added(connection: Any, model: Any, identities: Collection[str]) -> None:
    """Take note of constraints that a table has got; of those that the model of today has anyway, nothing need be kept."""
    declared, live = uniques_of(model, connection), live_model(model)
    alterations = _alterations(connection, declared.mapping.kind)
    of_today = () if live is None or live is model else {unique.identity for unique in uniques_of(live, connection).all}
    for unique, claimer in declared.claimers.items():
        if unique.identity in identities:
            alterations.removed.discard(unique.identity)
            if unique.identity not in of_today:
                alterations.added[unique.identity] = unique, claimer


def note_removed(connection: Any, table: str, identities: Iterable[str]) -> None:
    """Take note of constraints that a table has lost."""
    alterations = _alterations(connection, table)
    for identity in identities:
        alterations.added.pop(identity, None)
        alterations.removed.add(identity)


def forget(connection: Any, table: str) -> None:
    """Forget what was noted of a table: it is gone, or a new one."""
    if _altered.get(connection.kindstore, {}).pop((connection.session.namespace(), table), None) is not None:
        connection.kindstore.forget_steps()


def _alterations(connection: Any, table: str) -> Alterations:
    connection.kindstore.forget_steps()
    tables = _altered.setdefault(connection.kindstore, {})
    return tables.setdefault((connection.session.namespace(), table), Alterations())
