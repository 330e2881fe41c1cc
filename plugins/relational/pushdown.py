"""Which rows of a table a statement can need: the conditions on the table that stand by themselves, where leaving rows out is sound.

A table that is read in one place alone needs only the rows for which the AND-ed conditions on it hold there. Where it is the inner side
of a LEFT JOIN, only conditions that are never true of null count: for the others a row without a partner is a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...core.mapping import ModelMapping
from ...core.planner.analysis import Analysis
from ...core.planner.logic import Truth, superset_filter
from ...core.planner.predicate import Compare, Every, In, IsNull, Not, Predicate
from .recording import Recording, Use


def restriction(recording: Recording, table: str, mapping: ModelMapping, connection: Any, namespace: str) -> Truth:
    """Return a filter of at least the rows of a table that a statement needs."""
    use = recording.only_use(table)
    if use is None or use.where is None or not use.where.children:
        return True
    rewriters = connection.kindstore.rewriters(mapping.model)
    return superset_filter(_sound(use, Analysis(mapping, use.alias, connection, namespace, rewriters).where(use.where)))


def _sound(use: Use, predicate: Predicate) -> Predicate:
    if not use.is_outer:
        return predicate
    return Every(tuple(part for part in _conjuncts(predicate) if _rejects_null(part)))


def _conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    if isinstance(predicate, Every):
        for part in predicate.parts:
            yield from _conjuncts(part)
    else:
        yield predicate


def _rejects_null(predicate: Predicate) -> bool:
    match predicate:
        case Compare() | In() | Not(IsNull()):
            return True
        case _:
            return False
