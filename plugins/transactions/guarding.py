"""What a commit depends on: each entity that it writes, and each that was locked, must be as the transaction read it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.datamodel import Key, Mutation, Verb

if TYPE_CHECKING:
    from .transaction import Transaction


def final_mutations(transaction: Transaction) -> list[Mutation]:
    """Return what the commit does: each write on condition that the entity is as it was read, and guards of what was locked."""
    made = [guarded(transaction, key, write.mutation) for key, write in transaction.overlay.writes.items() if write.mutation is not None]
    return made + guards(transaction, {mutation.key for mutation in made})


def guards(transaction: Transaction, written: Collection[Key]) -> list[Mutation]:
    """Return mutations that write nothing, and fail unless what was locked and is not written is as it was read."""
    if not transaction.guards or transaction.snapshot.transaction is not None:
        return []
    return [_guard(transaction, key) for key in transaction.locked if key not in written]


def guarded(transaction: Transaction, key: Key, mutation: Mutation) -> Mutation:
    """Return a mutation on condition that the entity is as it was read."""
    stored = transaction.stored.get(key)
    if mutation.verb is Verb.INSERT or stored is None:
        return mutation if mutation.base_version is None else replace(mutation, base_version=None)
    if not stored.exists:  # a store may remember the version of an entity that is gone, so no version says that there is none
        return replace(mutation, verb=Verb.INSERT if mutation.verb is Verb.UPSERT else mutation.verb, base_version=None)
    return replace(mutation, base_version=stored.version)


def _guard(transaction: Transaction, key: Key) -> Mutation:
    """Return a mutation that writes nothing, and fails unless an entity is as it was read."""
    stored = transaction.stored.get(key)
    version, entity = (None, None) if stored is None else (stored.version, stored.entity)
    if transaction.capabilities.property_masks:
        return Mutation(Verb.UPDATE, key, None, (), base_version=version)
    assert entity is not None
    return Mutation(Verb.UPDATE, key, entity, base_version=version)
