"""The end of a transaction: one commit of everything that it has written, or an error that says why not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.utils import DatabaseError, IntegrityError, NotSupportedError

from ...core.datamodel import Key, Mutation, Verb
from ...core.datamodel.errors import AlreadyExists, Contention, NotFound, OutcomeUnknown
from ...core.session.changes import Change, Unit
from ...core.session.committing import Committer, commit
from ...core.session.contention import ATTEMPTS, pause
from ...core.session.writing import estimated_bytes, fits
from .deferral import run_deferred
from .errors import SplitTransactionWarning, TransactionFailedError
from .transaction import changed

if TYPE_CHECKING:
    from ...core.driver import Capabilities
    from ...core.session.session import Session
    from .transaction import Transaction


def finish(transaction: Transaction, session: Session) -> None:
    """Commit a transaction, which is no longer the session's.

    One call of the ORM, such as bulk_update() or delete(), that has read nothing but what it writes is a statement to its caller: where
    somebody else was faster its statements are run again. Of any other block only the caller knows what its values depend on.
    """
    refused = ""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if transaction.place.is_update_or_create:
                _refuse_to_undo(transaction)
            _commit(transaction, session)
        except (Contention, NotFound, IntegrityError) as error:
            is_settled = isinstance(error, IntegrityError) and str(error) == refused  # the same row is in the way again: this is no race
            if attempt == ATTEMPTS or is_settled or not _runs_again(transaction, error):
                raise _failure(transaction, error) from error
            refused = str(error)
            pause(attempt)
            _run_again(transaction, session, error)
        else:
            return


def final_mutations(transaction: Transaction) -> list[Mutation]:
    """Return what the commit does: each write on condition that the entity is as it was read, and guards of what was locked."""
    made = [_guarded(transaction, key, write.mutation) for key, write in transaction.overlay.writes.items() if write.mutation is not None]
    if transaction.guards and transaction.snapshot.transaction is None:
        written = {mutation.key for mutation in made}
        made += [_guard(transaction, key) for key in transaction.locked if key not in written]
    return made


def _commit(transaction: Transaction, session: Session) -> None:
    run_deferred(transaction, session)
    mutations = final_mutations(transaction)
    if not mutations:
        _end(transaction)
    elif not transaction.guards or fits(mutations, transaction.capabilities):
        _commit_whole(transaction, session, mutations)
    else:
        _commit_in_parts(transaction, session, mutations)


def _end(transaction: Transaction) -> None:
    """End a transaction that wrote nothing."""
    if transaction.snapshot.transaction is not None:
        transaction.base.rollback(transaction.snapshot.transaction)


def _commit_whole(transaction: Transaction, session: Session, mutations: list[Mutation]) -> None:
    inserted = {mutation.key for mutation in mutations if mutation.verb is Verb.INSERT}
    drawn = [change for unit in transaction.units for change in unit.changes if change.drawn and change.key in inserted]
    arbiters = [arbiter for unit in transaction.units for arbiter in unit.arbiters]
    receipts = [receipt for unit in transaction.units for receipt in unit.receipts if receipt.key in inserted]
    unit = Unit(drawn, mutations, arbiters, receipts)
    in_store = transaction.snapshot.transaction
    Committer(session, unit, lambda sent: transaction.send(unit, sent), patient=in_store is None).run()


def _guarded(transaction: Transaction, key: Key, mutation: Mutation) -> Mutation:
    stored = transaction.stored.get(key)
    if mutation.verb is Verb.INSERT or stored is None:
        return replace(mutation, base_version=None)
    return replace(mutation, base_version=stored.version)


def _guard(transaction: Transaction, key: Key) -> Mutation:
    """Return a mutation that writes nothing, and fails unless an entity is as it was read."""
    stored = transaction.stored.get(key)
    version, entity = (None, None) if stored is None else (stored.version, stored.entity)
    if transaction.capabilities.property_masks:
        return Mutation(Verb.UPDATE, key, None, (), base_version=version)
    assert entity is not None
    return Mutation(Verb.UPDATE, key, entity, base_version=version)


# A block that the store does not take in one commit


def _commit_in_parts(transaction: Transaction, session: Session, mutations: list[Mutation]) -> None:
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
    for part in _parts(transaction):
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
    said.args = (f"{error} {written} of the {total} entities of this block had been written before this, the others were not.",)
    said.parts_written = written
    return said


def _limits(transaction: Transaction) -> str:
    limits = transaction.capabilities
    parts = [f"{limits.entity_groups} entity groups" if limits.entity_groups else "", f"{limits.request_bytes} bytes"]
    if limits.commit_mutations:
        parts.append(f"{limits.commit_mutations} entities")
    return "the " + " or ".join(part for part in parts if part)


def _parts(transaction: Transaction) -> Iterator[Unit]:
    """Yield what is committed at once: as many units as fit, a unit that does not fit in parts of its own."""
    group = _Group(transaction.capabilities)
    for unit in transaction.units:
        if group.takes(unit):
            group.add(unit)
            continue
        yield from group.flush()
        if group.takes(unit) or unit.parts is None:
            group.add(unit)
        else:
            yield from unit.parts()
    yield from group.flush()


class _Group:
    """Units that go into one commit."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._units: list[Unit] = []
        self._keys: set[Key] = set()
        self._bytes = 0

    def takes(self, unit: Unit) -> bool:
        """Tell whether one commit can hold a unit besides the others."""
        limits, keys = self._capabilities, [mutation.key for mutation in unit.mutations]
        if not self._keys.isdisjoint(keys) or self._bytes + _bytes(unit) > limits.request_bytes:
            return False
        together = self._keys.union(keys)
        if limits.commit_mutations is not None and len(together) > limits.commit_mutations:
            return False
        return limits.entity_groups is None or len({key.root for key in together}) <= limits.entity_groups

    def add(self, unit: Unit) -> None:
        self._units.append(unit)
        self._keys.update(mutation.key for mutation in unit.mutations)
        self._bytes += _bytes(unit)

    def flush(self) -> Iterator[Unit]:
        """Yield what is together, and start over."""
        units = self._units
        self._units, self._keys, self._bytes = [], set(), 0
        if units:
            yield _joined(units)


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
    return mutation if mutation.base_version is not None else _guarded(transaction, mutation.key, mutation)


# Conflicts


def _runs_again(transaction: Transaction, error: Exception) -> bool:
    """Tell whether the statements of a block may be run again after a conflict."""
    statements = transaction.statements
    if getattr(error, "parts_written", 0) or transaction.snapshot.transaction is not None or not transaction.place.is_one_call:
        return False
    if all(statement.tolerates_conflicts for statement in statements):
        return bool(statements)
    if transaction.reads_rows:
        return False
    return not isinstance(error, IntegrityError) or any(statement.tolerates_conflicts for statement in statements)


def _run_again(transaction: Transaction, session: Session, error: Exception) -> None:
    statements = list(transaction.statements)
    transaction.forget()
    around, session.transaction = session.transaction, transaction
    try:
        results = [transaction.perform(replace(statement, result=None)) for statement in statements]
    finally:
        session.transaction = around
    if results != [statement.result for statement in statements]:  # its caller has been told otherwise
        raise _failure(transaction, error) from error


def _refuse_to_undo(transaction: Transaction) -> None:
    """Refuse an update_or_create() that saves a value as it read it, after somebody else has changed that."""
    names = {name for statement in transaction.statements for name in statement.as_read}
    for key, locked in transaction.locked.items() if names else ():
        write, now = transaction.overlay.writes.get(key), transaction.stored.get(key)
        if locked is None or write is None or write.entity is None or now is None or now.entity is None:
            continue
        read, written, since = locked.properties, write.entity.properties, now.entity.properties
        if any(name in read and written.get(name) == read[name] != since.get(name) for name in names):
            raise changed(key)


def _failure(transaction: Transaction, error: Exception) -> Exception:
    """Return the error that a block ends with."""
    if getattr(error, "parts_written", 0):
        return error
    if isinstance(error, AlreadyExists) and error.key in _drawn(transaction):
        return TransactionFailedError(f"The transaction failed: an id that it drew was taken ({error}). Nothing was written. Run it again.")
    if isinstance(error, (IntegrityError, TransactionFailedError)):
        return error
    return TransactionFailedError(
        f"The transaction failed: somebody else changed what it has read or written ({error}). Nothing was written. Run it again, for "
        "example by @atomic(retries=3)."
    )


def _drawn(transaction: Transaction) -> set[Any]:
    changes: list[Change] = [change for unit in transaction.units for change in unit.changes]
    return {change.key for change in changes if change.drawn}
