"""A connection's unit of work: every read and every write passes here, to the open transaction or to the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ..driver import LATEST, Observe, ReadOptions
from .changes import Statement, Unit
from .ids import IdSource, id_source
from .store import Store

if TYPE_CHECKING:
    from django.db.models import Model

    from ..roles import Observer, Transaction
    from .alias import Alias

T = TypeVar("T")


class Session:
    """The unit of work of one connection, used by one thread."""

    def __init__(self, alias: Alias, connection: Any, log: Observe, logs: Callable[[], bool] = lambda: True) -> None:
        """Make the way to the store; `log` is told of every RPC while `logs` says that it listens.

        `connection` is Django's, for what has to compile expressions.
        """
        self.alias, self.connection = alias, connection
        self.driver, self.capabilities = alias.driver, alias.capabilities
        self.store = Store(alias, log, logs)
        self.engine = alias.plugins.residual_engine()
        self.transactions = alias.plugins.transaction_manager()
        self.transaction: Transaction | None = None  # the open one; the manager sets it
        self.closed = False
        self.ids: IdSource = id_source(alias.settings.ids, self)

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who is told of RPCs and of emulated queries."""
        return self.store.observers

    @observers.setter
    def observers(self, observers: tuple[Observer, ...]) -> None:
        self.store.observers = observers

    @property
    def defers(self) -> bool:
        """Whether steps leave to the end of a transaction what they do `at_commit`."""
        return self.transaction is not None and self.transaction.defers

    def namespace(self) -> str:
        """Return the namespace of the statement that is about to run, or raise TransactionManagementError where none may run any more."""
        if self.connection.needs_rollback:
            self.connection.validate_no_broken_transaction()
        namespace = self.alias.namespace()
        if self.transaction is not None:
            self.transaction.enter_namespace(namespace)
        return namespace

    def emulated(self, description: str, rows: int) -> None:
        """Tell the plugins that the residual engine answered a query."""
        for observer in self.observers:
            observer.emulated(self.alias.settings.alias, description, rows)

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST) -> list[Row | None]:
        """Read rows by key, in the order of the keys; None for a missing one."""
        return (self.transaction or self.store).lookup(keys, shape, options)

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST) -> Iterator[Page]:
        """Run a query, page by page."""
        return (self.transaction or self.store).run_query(query, shape, options)

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST) -> tuple[Value, ...]:
        """Aggregate a query's results."""
        return (self.transaction or self.store).aggregate(query, aggregations, options)

    def write(self, unit: Unit, mutations: Sequence[Mutation]) -> list[MutationResult]:
        """Apply all mutations of a unit or none: in the open transaction, else at once in one RPC. `committing.commit` calls this."""
        if self.transaction is not None:
            return self.transaction.write(unit, mutations)
        return self.store.commit(mutations)

    def perform(
        self,
        run: Callable[[], T],
        *,
        tolerates_conflicts: bool = False,
        as_read: frozenset[str] = frozenset(),
        model: type[Model] | None = None,
        correct: Callable[[T], None] | None = None,
    ) -> T:
        """Run a statement that writes; a transaction may run it again. `Statement` says what the parameters are."""
        if self.transaction is None:
            return run()
        result: T = self.transaction.perform(Statement(run, tolerates_conflicts, as_read, model, correct))
        return result

    def close(self) -> None:
        """Forget what belongs to this connection alone. The driver stays: it belongs to the process."""
        self.closed = True
        if self.transactions is not None:
            self.transactions.close()


def first_row(pages: Iterator[Page]) -> Any:
    """Return the first row of a query, or None."""
    return next((page.rows[0] for page in pages if page.rows), None)
