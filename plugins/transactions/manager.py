"""The transactions of one connection: what Django's `atomic` begins, commits, rolls back and saves."""

from __future__ import annotations

import atexit
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.transaction import TransactionManagementError
from django.db.utils import DatabaseError, OperationalError

from ...core.backend.place import opening_place
from .finishing import finish
from .snapshot import Characteristics
from .testing import TestTransaction
from .transaction import NOTHING_WRITTEN, Mark, Transaction

if TYPE_CHECKING:
    from ...core.backend.place import Place
    from ...core.roles import Transaction as TransactionRole
    from ...core.session.session import Session

# What of a connection's state belongs to the outermost block that is open, and how it is without one.
STATE: dict[str, Any] = {
    "autocommit": True,
    "in_atomic_block": False,
    "atomic_blocks": list,
    "savepoint_ids": list,
    "savepoint_state": 0,
    "commit_on_exit": True,
    "needs_rollback": False,
    "rollback_exc": None,
    "closed_in_transaction": False,
    "run_on_commit": list,
    "run_commit_hooks_on_set_autocommit_on": False,
}


class OpenInStore(threading.local):
    """The transactions that this thread has open in stores. They are rolled back when the thread ends: its locals go then."""

    def __init__(self) -> None:
        self.ended = _RollsBack()


class _RollsBack:
    def __init__(self) -> None:
        self.open: dict[Transaction, None] = {}

    def __del__(self) -> None:
        self.roll_back()

    def roll_back(self) -> None:
        while self.open:
            abandon(self.open.popitem()[0])


_open_in_store = OpenInStore()
# When the locals of the main thread go, nothing can be sent any more.
atexit.register(lambda: _open_in_store.ended.roll_back())


def abandon(transaction: Transaction) -> None:
    """Give up a transaction's own in the store, so that its locks are gone; where the store does not answer they expire by themselves."""
    if transaction.snapshot.transaction is not None:
        with suppress(DatabaseError):
            transaction.base.rollback(transaction.snapshot.transaction)
        transaction.snapshot.transaction = None


Savepoint = tuple[Transaction, Mark]


@dataclass(slots=True)
class Suspended:
    """A block that is set aside while an independent or non_atomic one runs."""

    state: dict[str, Any]
    transaction: TransactionRole | None
    marks: dict[str, Savepoint]
    session: Session


@dataclass(slots=True)
class Manager:
    """Manages the transactions of one connection."""

    allow_split: bool = False
    next: Characteristics | None = None  # how the next one is asked to be, by our own `atomic`
    marks: dict[str, Savepoint] = field(default_factory=dict)
    suspended: list[Suspended] = field(default_factory=list)
    session: Session | None = None

    def begin(self, connection: Any) -> None:
        """Begin a transaction; nothing is sent."""
        self.marks = {}
        self._begin(connection, opening_place())

    def _begin(self, connection: Any, place: Place) -> None:
        self.session = session = connection.session
        characteristics = self.next or Characteristics()
        self.next = None
        if self.allow_split:
            characteristics = characteristics.splitting()
        outer = session.transaction
        transaction: Transaction
        if isinstance(outer, Transaction):
            transaction = Transaction(outer, characteristics, place, connection.alias)
        elif place.for_test:
            transaction = TestTransaction(session.store, characteristics, place, connection.alias)
        else:
            transaction = Transaction(session.store, characteristics, place, connection.alias)
        transaction.on_begin = lambda begun: _open_in_store.ended.open.setdefault(begun)
        session.transaction = transaction

    def commit(self, connection: Any) -> None:
        """Commit, or raise why it could not be done; the transaction is over in either case."""
        transaction = self._leave(connection)
        if transaction is None:
            return
        try:
            finish(transaction, connection.session)
            transaction.snapshot.transaction, transaction.is_committed = None, True
        finally:
            self._forget(transaction)
            self._begin_manually(connection)

    def rollback(self, connection: Any) -> None:
        """Roll back; only what is open in the store costs an RPC."""
        if self._drop(connection):
            self._begin_manually(connection)

    def savepoint(self, connection: Any, name: str) -> None:
        """Mark what was written until now. In a test's transaction, which stands for the store, this begins a transaction."""
        transaction = self._current(connection)
        self.marks[name] = transaction, transaction.mark()
        if transaction.place.for_test and not (place := opening_place()).for_test:
            self._begin(connection, place)

    def savepoint_rollback(self, connection: Any, name: str) -> None:
        """Undo what was written since the savepoint."""
        transaction, mark = self._mark(name)
        if self._leave_inner(connection, name) is None:
            transaction.roll_back_to(mark)
        self._forget_marks_after(name)

    def savepoint_commit(self, connection: Any, name: str) -> None:
        """Forget a savepoint; commit what it began in a test's transaction, and what update_or_create() has created."""
        inner = self._leave_inner(connection, name)
        if inner is not None:
            finish(inner, connection.session)
        elif self._created(*self._mark(name)):
            self._commit_now(connection.session, self._mark(name)[0])
        self._forget_marks_after(name)
        del self.marks[name]

    def _forget_marks_after(self, name: str) -> None:
        """Forget the savepoints inside one that was rolled back or committed."""
        names = list(self.marks)
        for inner in names[names.index(name) + 1 :]:
            del self.marks[inner]

    def _created(self, transaction: Transaction, mark: Mark) -> bool:
        """Tell whether a savepoint is that of the creation in update_or_create(): it found no row, and wrote nothing before."""
        if not transaction.place.is_update_or_create or transaction.locked or mark != NOTHING_WRITTEN:
            return False
        return [marked for marked, _ in self.marks.values() if marked is transaction] == [transaction]

    def _commit_now(self, session: Session, transaction: Transaction) -> None:
        """Commit what will not be added to; after a conflict, what is read next shows who was faster."""
        session.transaction = transaction.base if isinstance(transaction.base, Transaction) else None
        try:
            finish(transaction, session)
        finally:
            session.transaction = transaction
            transaction.forget()

    def _leave_inner(self, connection: Any, name: str) -> Transaction | None:
        """Take what a savepoint began off the session; the savepoint stays, and is where the test's transaction is now."""
        transaction, inner = self._mark(name)[0], self._current(connection)
        if inner is transaction:
            return None
        connection.session.transaction = transaction
        self.marks[name] = transaction, transaction.mark()
        return inner

    def end(self, connection: Any) -> None:
        """Go back to autocommit."""
        transaction = connection.session.transaction
        if isinstance(transaction, Transaction) and not self._is_suspended(transaction):
            if transaction.overlay.writes:
                raise TransactionManagementError(
                    "Autocommit cannot be turned on while something is not committed. Call transaction.commit() or rollback() first."
                )
            self._drop(connection)

    def _drop(self, connection: Any) -> bool:
        """Give the open transaction up; tell whether there was one."""
        transaction = self._leave(connection)
        if transaction is not None:
            self._forget(transaction)
        return transaction is not None

    def close(self) -> None:
        """Roll back whatever is open."""
        session = self.session
        if session is None:
            return
        open_ones = [session.transaction, *(each.transaction for each in self.suspended)]
        session.transaction = None
        for transaction in open_ones:
            if isinstance(transaction, Transaction):
                self._forget(transaction)

    def suspend(self, connection: Any) -> None:
        """Set the open block aside, so that what follows is outside of it."""
        session: Session = connection.session
        self.session = session
        state = {name: getattr(connection, name) for name in STATE}
        self.suspended.append(Suspended(state, session.transaction, self.marks, session))
        for name, value in STATE.items():
            setattr(connection, name, value() if callable(value) else value)
        session.transaction, self.marks = self._of_test(session.transaction), {}

    def resume(self, connection: Any) -> None:
        """Go back into the block that was set aside last."""
        suspended = self.suspended.pop()
        for name, value in suspended.state.items():
            setattr(connection, name, value)
        self.marks = suspended.marks
        if connection.connection is suspended.session:
            suspended.session.transaction = suspended.transaction
        elif suspended.state["in_atomic_block"]:  # the connection was closed meanwhile, which rolled the block back
            connection.closed_in_transaction = connection.needs_rollback = True

    def _of_test(self, transaction: TransactionRole | None) -> TransactionRole | None:
        """Return the transaction of the test that runs, which stands for the store; None outside tests."""
        while isinstance(transaction, Transaction) and not transaction.place.for_test:
            transaction = transaction.base if isinstance(transaction.base, Transaction) else None
        return transaction

    def _leave(self, connection: Any) -> Transaction | None:
        """Take the open transaction off the session."""
        session = connection.session
        transaction = session.transaction
        if not isinstance(transaction, Transaction) or self._is_suspended(transaction):
            return None
        session.transaction, self.marks = transaction.base if isinstance(transaction.base, Transaction) else None, {}
        return transaction

    def _is_suspended(self, transaction: Transaction) -> bool:
        return any(each.transaction is transaction for each in self.suspended)

    def _forget(self, transaction: Transaction) -> None:
        abandon(transaction)
        _open_in_store.ended.open.pop(transaction, None)

    def _begin_manually(self, connection: Any) -> None:
        """Begin the next transaction where the caller has turned autocommit off and commits by hand."""
        if not connection.autocommit and not connection.in_atomic_block:
            self.begin(connection)

    def _current(self, connection: Any) -> Transaction:
        transaction = connection.session.transaction
        if not isinstance(transaction, Transaction):
            raise TransactionManagementError("There is no transaction, so there is nothing to save or to go back to.")
        return transaction

    def _mark(self, name: str) -> Savepoint:
        if name not in self.marks:
            raise OperationalError(f"There is no savepoint {name!r} in this transaction.")
        return self.marks[name]
