"""`atomic` with what Djangae's has beyond Django's, and the questions about the open transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, TypeVar, overload

from django.db import DEFAULT_DB_ALIAS, connections
from django.db import transaction as django_transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import NotSupportedError

from ...core.datamodel.errors import Contention
from ...core.session.contention import pause
from .errors import TransactionFailedError
from .manager import Manager
from .snapshot import Characteristics, Isolation
from .transaction import Transaction

Function = TypeVar("Function", bound=Callable[..., Any])
ISOLATIONS = ("snapshot", "serializable")


@overload
def atomic(using: Function) -> Function: ...


@overload
def atomic(
    using: str | None = None,
    savepoint: bool = True,
    durable: bool = False,
    *,
    xg: bool = False,
    independent: bool = False,
    mandatory: bool = False,
    isolation: Isolation | None = None,
    read_only: bool = False,
    read_time: datetime | None = None,
    retries: int = 0,
    query_outside: bool = False,
    allow_split: bool = False,
) -> Atomic: ...


def atomic(
    using: Any = None,
    savepoint: bool = True,
    durable: bool = False,
    *,
    xg: bool = False,  # noqa: ARG001 - every transaction spans entity groups
    independent: bool = False,
    mandatory: bool = False,
    isolation: Isolation | None = None,
    read_only: bool = False,
    read_time: datetime | None = None,
    retries: int = 0,
    query_outside: bool = False,
    allow_split: bool = False,
) -> Any:
    """Commit a block whole or not at all: a decorator, with or without parentheses, and a context manager that gives the Transaction.

    `using`, `savepoint` and `durable` are those of Django's `atomic`, which does the same without the rest; blocks of both nest. `xg` is
    Djangae's, and always granted: a transaction may write to any number of entity groups that the store allows.

    - `independent`: commit by itself, whatever becomes of the block around it, which it does not see.
    - `mandatory`: TransactionFailedError unless there is a transaction already; without meaning in an independent block.
    - `isolation`: "snapshot" (the default) or "serializable", which reads and commits in a transaction of the store.
    - `read_only`: writing raises TransactionManagementError; nothing is committed. `read_time`, an aware datetime: read the state of that
      moment, and do not write; Firestore keeps an hour.
    - `retries`: how often a decorated function is called again after the transaction failed because of somebody else (0 or more).
    - `query_outside`: where the store takes only ancestor queries in a transaction, run others outside of it.
    - `allow_split`: commit a block that is too big for one commit of the store in parts, with a SplitTransactionWarning.

    Raises TransactionFailedError, an OperationalError, when the commit fails because of somebody else's, and OutcomeUnknown when nobody can
    tell.
    """
    if callable(using):
        return atomic()(using)
    if isolation not in (None, *ISOLATIONS):
        raise ValueError(f"isolation is {isolation!r}; choose one of {', '.join(map(repr, ISOLATIONS))}.")
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise ValueError(f"retries is {retries!r}; it must be a whole number, 0 or more.")
    if read_time is not None and (not isinstance(read_time, datetime) or read_time.tzinfo is None):
        raise ValueError(f"read_time is {read_time!r}; it must be an aware datetime.")
    if read_time is not None and isolation == "serializable":
        raise ValueError("A block with a read_time reads one moment of the past, which is serializable by itself. Leave isolation out.")
    characteristics = Characteristics(isolation or "snapshot", read_only or read_time is not None, read_time, query_outside, allow_split)
    return Atomic(_Asked(using or DEFAULT_DB_ALIAS, savepoint, durable, independent, mandatory, retries, isolation, characteristics))


commit_on_success = atomic


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of `atomic`, checked."""

    using: str
    savepoint: bool
    durable: bool
    independent: bool
    mandatory: bool
    retries: int
    isolation: Isolation | None
    characteristics: Characteristics


class Atomic:
    """What `atomic()` returns. It may be used again, by several threads too, and inside itself."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._entered = threading.local()

    def __call__(self, function: Function) -> Function:
        if iscoroutinefunction(function):
            raise TypeError(f"atomic cannot decorate {function.__qualname__}: it is a coroutine. Decorate what sync_to_async calls.")

        @wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            return self._call(lambda: function(*args, **kwargs))

        return decorated  # type: ignore[return-value]

    def __enter__(self) -> Transaction:
        if self._asked.retries:
            raise TypeError("atomic(retries=...) calls a function again, so it has to decorate one; a block cannot be repeated.")
        block = _Block(self._asked)
        transaction = block.__enter__()
        self._blocks().append(block)
        return transaction

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._blocks().pop().__exit__(kind, error, trace)

    def _blocks(self) -> list[_Block]:
        """Return the blocks that this thread has entered by this object, the innermost last."""
        blocks: list[_Block] = self._entered.__dict__.setdefault("blocks", [])
        return blocks

    def _call(self, function: Callable[[], Any]) -> Any:
        """Call a function in a block of its own; again, if the whole transaction is its own and failed because of somebody else."""
        for attempt in range(1, self._asked.retries + 2):
            block = _Block(self._asked)
            begins = block.begins
            try:
                with block:
                    return function()
            except (TransactionFailedError, Contention) as error:
                is_part_written = bool(getattr(error, "parts_written", 0))
                is_kept = block.is_committed or is_part_written  # after a commit the error is that of an on_commit hook
                if attempt > self._asked.retries or not begins or is_kept:
                    raise
            pause(attempt)
        return None


class _Block:
    """One entry into a block."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._connection: Any = connections[asked.using]
        self._manager = manager_of(self._connection)
        self._suspends = asked.independent and is_in_transaction(self._connection)
        self._django = django_transaction.Atomic(asked.using, asked.savepoint, asked.durable)
        self._was_read_only = False
        self._transaction: Transaction | None = None

    @property
    def begins(self) -> bool:
        """Whether the block begins a transaction."""
        return self._suspends or not is_in_transaction(self._connection)

    @property
    def is_committed(self) -> bool:
        """Whether the transaction that the block was in has been committed."""
        return self._transaction is not None and self._transaction.is_committed

    def __enter__(self) -> Transaction:
        self._check_mandatory()
        begins = self.begins
        if not begins:
            self._check_joining()
        if self._suspends:
            self._manager.suspend(self._connection)
        self._manager.next = self._asked.characteristics if begins or self._connection.session.transaction.place.for_test else None
        try:
            self._check_read_time()
            self._django.__enter__()
            self._manager.next = None  # a test's transaction was joined without a savepoint
        except BaseException:
            self._manager.next = None
            if self._suspends:
                self._manager.resume(self._connection)
            raise
        transaction: Transaction = self._connection.session.transaction
        self._transaction = transaction
        self._was_read_only = transaction.read_only
        transaction.read_only = transaction.read_only or self._asked.characteristics.read_only
        return transaction

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        session = self._connection.connection  # not `session`, which a connection that was closed in the block refuses to give
        transaction = None if session is None else session.transaction
        if isinstance(transaction, Transaction):
            transaction.read_only = self._was_read_only
        try:
            self._django.__exit__(kind, error, trace)
        finally:
            if self._suspends:
                self._manager.resume(self._connection)

    def _check_mandatory(self) -> None:
        if self._asked.mandatory and not self._asked.independent and current_transaction(self._asked.using) is None:
            raise TransactionFailedError(
                f"atomic(mandatory=True) needs a transaction around it, and there is none on {self._asked.using!r}. Call this in atomic()."
            )

    def _check_joining(self) -> None:
        """Refuse to join a transaction that is not as this block asks; that of a test stands for the store, and is as it is."""
        outer = self._connection.session.transaction
        asked, has = self._asked.characteristics, outer.characteristics
        if asked.read_time is not None and asked.read_time != has.read_time:
            raise TransactionManagementError(
                "atomic(read_time=...) inside a transaction reads another moment: use it outside of every block."
            )
        if outer.place.for_test:
            return
        wanted = {
            "isolation": self._asked.isolation not in (None, has.isolation),
            "query_outside": asked.query_outside and not has.query_outside,
            "allow_split": asked.allow_split and not has.allow_split,
        }
        for name in (name for name, is_new in wanted.items() if is_new):
            raise TransactionManagementError(
                f"The transaction that this block joins was begun without {name}={getattr(asked, name)!r}. Ask for it where it begins, or "
                "make this block independent=True."
            )

    def _check_read_time(self) -> None:
        if self._asked.characteristics.read_time is not None and not self._connection.session.capabilities.read_time:
            raise NotSupportedError(
                f"The store of {self._asked.using!r} cannot read a past moment, so atomic(read_time=...) cannot either."
            )


class NonAtomic(ContextDecorator):
    """What `non_atomic()` returns."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._entered = threading.local()

    def __enter__(self) -> None:
        connection: Any = connections[self._using]
        manager = manager_of(connection) if is_in_transaction(connection) else None
        if manager is not None:
            manager.suspend(connection)
        self._entered.__dict__.setdefault("managers", []).append(manager)

    def __exit__(self, *_error: object) -> None:
        manager = self._entered.managers.pop()
        if manager is not None:
            manager.resume(connections[self._using])


@overload
def non_atomic(using: Function) -> Function: ...


@overload
def non_atomic(using: str | None = None) -> NonAtomic: ...


def non_atomic(using: Any = None) -> Any:
    """Run a block, or a decorated function, outside the open transaction: it does not see what that wrote, and its writes are kept."""
    if callable(using):
        return NonAtomic(DEFAULT_DB_ALIAS)(using)
    return NonAtomic(using or DEFAULT_DB_ALIAS)


def in_atomic_block(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Tell whether there is a transaction; False inside non_atomic, and in a test that has opened none itself."""
    return current_transaction(using) is not None


def current_transaction(using: str = DEFAULT_DB_ALIAS) -> Transaction | None:
    """Return the transaction of this thread on an alias: that of the outermost block, of the innermost independent one. None without."""
    connection: Any = connections[using]
    if connection.connection is None or all(block._from_testcase for block in connection.atomic_blocks):
        return None
    transaction = getattr(connection.connection, "transaction", None)
    return transaction if isinstance(transaction, Transaction) else None


def commit_locked(function: Function | None = None, *, retries: int = 3, xg: bool = False, propagation: str | None = None) -> Any:
    """Decorate a function so that it runs in a transaction, and again up to `retries` times when that fails because of somebody else.

    `propagation` is "allowed" (the default: join a transaction that is there), "mandatory" or "independent".
    """
    if propagation not in (None, "allowed", "mandatory", "independent"):
        raise ValueError(f"propagation is {propagation!r}; choose one of 'allowed', 'mandatory', 'independent'.")
    block = atomic(xg=xg, retries=retries, mandatory=propagation == "mandatory", independent=propagation == "independent")
    return block if function is None else block(function)


def is_in_transaction(connection: Any) -> bool:
    """Tell whether a connection is in a block, or in a transaction that its user commits by hand."""
    return bool(connection.in_atomic_block or (connection.connection is not None and not connection.autocommit))


def manager_of(connection: Any) -> Manager:
    """Return the manager of a connection's transactions, or raise NotSupportedError where the alias has none of ours."""
    session = getattr(connection, "session", None)
    manager = getattr(session, "transactions", None)
    if not isinstance(manager, Manager):
        raise NotSupportedError(
            f"kindstore's transactions need the plugin 'transactions' on {connection.alias!r}. Add it to PLUGINS of "
            f"DATABASES[{connection.alias!r}], or use Django's atomic."
        )
    return manager
