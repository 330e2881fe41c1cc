"""The end of a transaction: one commit of everything that it has written, or an error that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.utils import IntegrityError

from ...core.datamodel import Mutation, Verb
from ...core.datamodel.errors import AlreadyExists, Contention, NotFound
from ...core.session.changes import Change, Statement, Unit
from ...core.session.committing import Committer
from ...core.session.contention import ATTEMPTS, pause
from ...core.session.writing import fits
from .deferral import run_deferred
from .errors import CommitConflictError, TransactionFailedError
from .guarding import final_mutations
from .reading import changed
from .saving import saves_plainly
from .splitting import commit_in_parts

if TYPE_CHECKING:
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


def _commit(transaction: Transaction, session: Session) -> None:
    run_deferred(transaction, session)
    mutations = final_mutations(transaction)
    if not mutations:
        _end(transaction)
    elif not transaction.guards or fits(mutations, transaction.capabilities):
        _commit_whole(transaction, session, mutations)
    else:
        commit_in_parts(transaction, session, mutations)


def _end(transaction: Transaction) -> None:
    """End a transaction that wrote nothing."""
    if transaction.snapshot.transaction is not None:
        transaction.base.rollback(transaction.snapshot.transaction)


def _commit_whole(transaction: Transaction, session: Session, mutations: list[Mutation]) -> None:
    arbiters = [arbiter for unit in transaction.units for arbiter in unit.arbiters]
    made = {mutation.key: mutation.entity for mutation in mutations if mutation.verb is Verb.INSERT}
    drawn = [change for unit in transaction.units for change in unit.changes if change.drawn and change.key in made]
    receipts = [receipt for unit in transaction.units for receipt in unit.receipts if receipt.is_in(made.get(receipt.key))]
    unit = Unit(drawn, mutations, arbiters, receipts)
    in_store = transaction.snapshot.transaction
    try:
        Committer(session, unit, lambda sent: transaction.send(unit, sent), patient=in_store is None).run()
    except IntegrityError as error:
        if transaction.place.is_one_call or (isinstance(error, AlreadyExists) and error.key in _drawn(transaction)):
            raise
        raise CommitConflictError(*error.args) from error


# Conflicts


def _runs_again(transaction: Transaction, error: Exception) -> bool:
    """Tell whether the statements of a block may be run again after a conflict."""
    statements = transaction.statements
    if getattr(error, "parts_written", 0) or transaction.snapshot.transaction is not None or not transaction.place.is_one_call:
        return False
    if all(statement.tolerates_conflicts for statement in statements):
        return bool(statements)
    if transaction.reads_rows or (transaction.place.is_update_or_create and not _updates_plainly(statements)):
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
    for statement, result in zip(statements, results, strict=True):
        if result == statement.result or transaction.place.drops_results:
            continue
        if statement.correct is None:  # its caller has been told otherwise
            raise _failure(transaction, error) from error
        statement.correct(result)


def _updates_plainly(statements: Sequence[Statement]) -> bool:
    """Tell whether update_or_create() has written just what it was given: no code of the project has seen the row that it had read."""
    return len(statements) == 1 and statements[0].model is not None and saves_plainly(statements[0].model)


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
