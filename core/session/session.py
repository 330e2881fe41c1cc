"""A connection's way to the store: every read and every commit passes here, through the plugins' layers, and is observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ..driver import LATEST, RPC, Observe, ReadOptions, unobserved
from .ids import IdSource, id_source

if TYPE_CHECKING:
    from datetime import datetime

    from ..roles import Commit, Lookup, Transaction
    from .alias import Alias
    from .changes import Unit


class Session:
    """The unit of work of one connection, used by one thread."""

    def __init__(self, alias: Alias, connection: Any, log: Observe, logs: Callable[[], bool] = lambda: True) -> None:
        """Compose the plugins' layers; `log` is told of every RPC, before the plugins' observers, while `logs` says that it listens.

        `connection` is Django's, for what has to compile expressions.
        """
        self.alias, self.connection = alias, connection
        self.driver = alias.driver
        self.capabilities = alias.capabilities
        self.observers = alias.plugins.observers()
        self.engine = alias.plugins.residual_engine()
        self.transactions = alias.plugins.transaction_manager()
        self.transaction: Transaction | None = None  # the open one, which every read and write goes through
        self.ids: IdSource = id_source(alias.settings.ids, self)
        self._log, self._logs = log, logs
        self._lookup: Lookup = self._driver_lookup
        for read_layer in reversed(alias.plugins.read_layers()):
            self._lookup = read_layer(self._lookup)
        self._commit: Commit = self._driver_commit
        for commit_layer in reversed(alias.plugins.commit_layers()):
            self._commit = commit_layer(self._commit)

    def namespace(self) -> str:
        """Return the namespace of the statement that is about to run."""
        return self.alias.namespace()

    def observe(self, rpc: RPC) -> None:
        """Tell the connection's log and the plugins of an RPC."""
        self._log(rpc)
        for observer in self.observers:
            observer.rpc(self.alias.settings.alias, rpc)

    def _observer(self) -> Observe:
        """Return whom a driver tells of its RPCs; nobody, where nobody listens, so that it need not describe them."""
        return self.observe if self.observers or self._logs() else unobserved

    def emulated(self, description: str, rows: int) -> None:
        """Tell the plugins that the residual engine answered a query."""
        for observer in self.observers:
            observer.emulated(self.alias.settings.alias, description, rows)

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST) -> list[Row | None]:
        """Read rows by key, in the order of the keys; None for a missing one."""
        if self.transaction is not None:
            return self.transaction.lookup(keys, shape, options)
        return self._lookup(keys, shape, options)

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST) -> Iterator[Page]:
        """Run a query, page by page."""
        if self.transaction is not None:
            return self.transaction.run_query(query, shape, options)
        return self.driver.run_query(query, shape, options, observe=self._observer())

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST) -> tuple[Value, ...]:
        """Aggregate a query's results in the store."""
        if self.transaction is not None:
            return self.transaction.aggregate(query, aggregations, options)
        return self.driver.aggregate(query, aggregations, options, observe=self._observer())

    def write(self, unit: Unit, mutations: Sequence[Mutation]) -> list[MutationResult]:
        """Apply all mutations of a unit or none: at once in one RPC, or in the open transaction. `committing.commit` calls this."""
        if self.transaction is not None:
            return self.transaction.write(unit, mutations)
        return self._commit(mutations, None)

    def commit(self, mutations: Sequence[Mutation], transaction: bytes | None = None) -> list[MutationResult]:
        """Apply all mutations or none in one RPC, whatever transaction is open; of the store's transaction, if one is given."""
        return self._commit(mutations, transaction)

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None) -> bytes:
        """Open a transaction of the store."""
        return self.driver.begin(read_only=read_only, read_time=read_time, observe=self._observer())

    def rollback(self, transaction: bytes) -> None:
        """Give a transaction of the store up."""
        self.driver.rollback(transaction, observe=self._observer())

    def _driver_lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions) -> list[Row | None]:
        return self.driver.lookup(keys, shape, options, observe=self._observer())

    def _driver_commit(self, mutations: Sequence[Mutation], transaction: bytes | None) -> list[MutationResult]:
        return self.driver.commit(mutations, transaction, observe=self._observer())

    def close(self) -> None:
        """Forget what belongs to this connection alone. The driver stays: it belongs to the process."""
        if self.transactions is not None:
            self.transactions.close()


def first_row(pages: Iterator[Page]) -> Any:
    """Return the first row of a query, or None."""
    return next((page.rows[0] for page in pages if page.rows), None)
