"""A block that the store does not take in one commit: it is refused, or committed in parts, each of them atomic."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.utils import DatabaseError, IntegrityError, NotSupportedError

from ...core.datamodel import Key, Mutation
from ...core.datamodel.errors import OutcomeUnknown
from ...core.session.changes import Unit
from ...core.session.committing import commit
from ...core.session.writing import estimated_bytes
from .errors import SplitTransactionWarning, TransactionFailedError
from .guarding import guarded, guards

if TYPE_CHECKING:
    from ...core.driver import Capabilities
    from ...core.session.session import Session
    from .transaction import Transaction


def commit_in_parts(transaction: Transaction, session: Session, mutations: list[Mutation]) -> None:
    """Commit what a transaction has written, in as few parts as the store allows, with a warning; refuse it where that was not allowed."""
    groups = len({mutation.key.root for mutation in mutations})
    size = f"{len(mutations)} entities in {groups} entity groups"
    if not (transaction.place.is_one_call or transaction.characteristics.allow_split) or transaction.snapshot.transaction is not None:
        raise NotSupportedError(
            f"The block writes {size}, more than {_limits(transaction)} that {transaction.alias!r} takes in one commit. Nothing was "
            "written. Write less in one block; or let it be committed in parts, each of them atomic, by atomic(allow_split=True) or by "
            f"DATABASES[{transaction.alias!r}]['OPTIONS']['transactions']['allow_split']."
        )
    place = transaction.place
    warnings.warn_explicit(
        f"{place.function}() writes {size}, more than {_limits(transaction)} that {transaction.alias!r} takes in one commit. It is "
        "committed in parts: each is atomic, but if a later one fails the earlier ones stay.",
        SplitTransactionWarning,
        place.filename,
        place.line,
        place.module,
        place.registry,
    )
    written: set[Key] = set()
    for part in _cut(transaction, session):
        sent = [_again(transaction, mutation, written) for mutation in part.mutations]
        try:
            commit(session, replace(part, mutations=sent), patient=all(mutation.base_version is None for mutation in sent))
        except DatabaseError as error:
            if not written:
                raise
            raise _broken_off(error, len(written), len(mutations)) from error
        written.update(mutation.key for mutation in sent)


def _broken_off(error: DatabaseError, written: int, total: int) -> DatabaseError:
    kind = type(error) if isinstance(error, (IntegrityError, OutcomeUnknown)) else TransactionFailedError
    said = Exception.__new__(kind)
    said.__dict__.update(error.__dict__)
    others = "what became of the next ones is not known" if isinstance(error, OutcomeUnknown) else "the others were not"
    said.args = (f"{error} {written} of the {total} entities of this block had been written before this, {others}.",)
    said.parts_written = written
    return said


def _limits(transaction: Transaction) -> str:
    limits = transaction.capabilities
    parts = [f"{limits.entity_groups} entity groups" if limits.entity_groups else "", f"{limits.request_bytes} bytes"]
    if limits.commit_mutations:
        parts.append(f"{limits.commit_mutations} entities")
    return "the " + " or ".join(part for part in parts if part)


def _cut(transaction: Transaction, session: Session) -> list[Unit]:
    """Return what is committed at once; steps that are asked again for a part leave out what they deferred before."""
    around, session.transaction = session.transaction, transaction
    try:
        return list(_parts(transaction))
    finally:
        session.transaction = around


def _parts(transaction: Transaction) -> Iterator[Unit]:
    """Yield as many units at once as fit, a unit that does not fit in parts of its own."""
    group = _Group(transaction.capabilities)
    guarding = Unit((), guards(transaction, transaction.overlay.writes))
    for unit in (guarding, *transaction.units):
        if not group.takes(unit):
            yield from group.flush()
        if group.takes(unit):
            group.add(unit)
        elif unit.parts is not None:
            yield from unit.parts()
        else:  # entities of steps alone
            yield from _one_by_one(unit)
    yield from group.flush()


def _one_by_one(unit: Unit) -> Iterator[Unit]:
    for mutation in unit.mutations:
        yield replace(unit, mutations=[mutation], receipts=[receipt for receipt in unit.receipts if receipt.key == mutation.key])


class _Group:
    """Units that go into one commit."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._units: list[Unit] = []
        self._keys: set[Key] = set()
        self._roots: set[object] = set()
        self._bytes = 0

    def takes(self, unit: Unit) -> bool:
        """Tell whether one commit can hold a unit besides the others."""
        limits, keys = self._capabilities, {mutation.key for mutation in unit.mutations}
        if not self._keys.isdisjoint(keys) or self._bytes + _bytes(unit) > limits.request_bytes:
            return False
        if limits.commit_mutations is not None and len(self._keys) + len(keys) > limits.commit_mutations:
            return False
        return limits.entity_groups is None or len(self._roots.union(_roots(unit))) <= limits.entity_groups

    def add(self, unit: Unit) -> None:
        self._units.append(unit)
        self._keys.update(mutation.key for mutation in unit.mutations)
        self._roots.update(_roots(unit))
        self._bytes += _bytes(unit)

    def flush(self) -> Iterator[Unit]:
        """Yield what is together, and start over."""
        units = [unit for unit in self._units if unit.mutations]
        self._units, self._keys, self._roots, self._bytes = [], set(), set(), 0
        if units:
            yield _joined(units)


def _roots(unit: Unit) -> Iterator[object]:
    return (mutation.key.path[0] for mutation in unit.mutations)


def _bytes(unit: Unit) -> int:
    return sum(map(estimated_bytes, unit.mutations))


def _joined(units: list[Unit]) -> Unit:
    return Unit(
        [change for unit in units for change in unit.changes],
        [mutation for unit in units for mutation in unit.mutations],
        [arbiter for unit in units for arbiter in unit.arbiters],
        [receipt for unit in units for receipt in unit.receipts],
    )


def _again(transaction: Transaction, mutation: Mutation, written: set[Key]) -> Mutation:
    """Return a mutation on condition of the version that was read, unless an earlier part has written the entity."""
    if mutation.key in written:
        return replace(mutation, base_version=None)
    return mutation if mutation.base_version is not None else guarded(transaction, mutation.key, mutation)
