"""What steps leave to the end of a transaction: they are given all of its changes to a model at once, from what was to what is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...core.datamodel import Entity, Key, Value, Verb
from ...core.session.changes import Batch, Change, Unit
from ...core.session.committing import commit

if TYPE_CHECKING:
    from ...core.roles import Step
    from ...core.session.session import Session
    from .transaction import Transaction


def run_deferred(transaction: Transaction, session: Session) -> None:
    """Have the steps do what they deferred; it becomes a part of the transaction."""
    deferred: dict[tuple[Step, Any], list[Unit]] = {}
    for unit in transaction.units:
        for step, model in unit.deferred:
            deferred.setdefault((step, model), []).append(unit)
        unit.deferred = ()
    if not deferred:
        return
    around, session.transaction = session.transaction, transaction
    try:
        for (step, model), units in deferred.items():
            batch = Batch(model, session, list(_net_changes(transaction, units)))
            step(batch)
            if batch.mutations:
                commit(session, Unit((), batch.mutations, batch.arbiters, batch.receipts))
    finally:
        session.transaction = around


def _net_changes(transaction: Transaction, units: list[Unit]) -> Iterator[Change]:
    """Yield what became of each row, from how it was before the transaction."""
    first: dict[Key, Change] = {}
    for unit in units:
        for change in unit.changes:
            first.setdefault(change.key, change)
    for key, change in first.items():
        write = transaction.overlay.writes.get(key)
        if write is None or (write.mutation is None and change.verb is Verb.INSERT):
            continue
        if not write.exists:
            yield Change(Verb.DELETE, key, before=change.before)
        else:
            verb = Verb.INSERT if change.before is None else Verb.UPDATE
            yield Change(verb, key, _values(transaction, key, change.before), before=change.before)


def _values(transaction: Transaction, key: Key, before: Entity | None) -> dict[str, Value]:
    """Return a row's properties as they are now."""
    write = transaction.overlay.writes[key]
    if write.entity is not None:
        return dict(write.entity.properties)
    assert before is not None
    assert write.mutation is not None
    written = {} if write.mutation.entity is None else write.mutation.entity.properties
    return {**before.properties, **written}
