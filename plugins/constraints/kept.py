"""The unique constraints that the rows of a model are kept to: those that it declares, unless this process has altered its table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core.optouts import live_model
from .altered import Alterations, AlteredTables
from .uniques import Unique, Uniques, claims, uniques_of

if TYPE_CHECKING:
    from ...core.datamodel import Entity, Key
    from ...core.mapping import ModelMapping
    from .claiming import Claimer

Kept = tuple[Unique, "Claimer"]

UNIQUES: AlteredTables[Kept] = AlteredTables()


class KeptUniques:
    """The constraints of a model, as `Uniques`, with the alterations of its table in each namespace."""

    def __init__(self, declared: Uniques, altered: Mapping[str, Alterations[Kept]]) -> None:
        self.mapping: ModelMapping = declared.mapping
        self._declared, self._alias = declared.claimers, declared.alias
        identified = [(unique.identity, (unique, claimer)) for unique, claimer in self._declared.items()]
        self._kept = {namespace: dict(each.of(identified, lambda kept: kept)) for namespace, each in altered.items()}
        self.all: tuple[Unique, ...] = tuple(dict.fromkeys(unique for each in (self._declared, *self._kept.values()) for unique in each))
        self.columns = frozenset(name for unique in self.all for name in unique.columns)

    def claims(self, entities: Sequence[Entity], among: Collection[Unique] | None = None) -> list[dict[Key, Unique]]:
        """Return for each row the keys of the markers that it must own, by some of the constraints or by all."""
        namespace = entities[0].key.namespace if entities and entities[0].key is not None else ""  # the same for all of a statement
        return claims(self.mapping.kind, self._alias, self._kept.get(namespace, self._declared), entities, among)


def kept_of(model: Any, connection: Any) -> Uniques | KeptUniques:
    """Return what the rows of a model keep unique."""
    declared = uniques_of(model, connection)
    altered = UNIQUES.of(connection, declared.mapping.kind)
    return KeptUniques(declared, altered) if altered else declared


def note_added(connection: Any, model: Any, identities: Collection[str]) -> None:
    """Take note of constraints that a table has got."""
    declared, live = uniques_of(model, connection), live_model(model)
    of_today = () if live is None or live is model else {unique.identity for unique in uniques_of(live, connection).all}
    for unique, claimer in declared.claimers.items():
        if unique.identity in identities:
            UNIQUES.add(connection, declared.mapping.kind, unique.identity, None if unique.identity in of_today else (unique, claimer))
