"""The store as one connection sees it: the driver, surrounded by the plugins' layers and observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ..driver import LATEST, RPC, Observe, ReadOptions, unobserved

if TYPE_CHECKING:
    from datetime import datetime

    from ..roles import Commit, Lookup, Observer
    from .alias import Alias


class Store:
    """Sends what a connection reads and writes."""

    def __init__(self, alias: Alias, log: Observe, logs: Callable[[], bool]) -> None:
        """Compose the plugins' layers; `log` is told of every RPC, before the plugins' observers, while `logs` says that it listens."""
        self.alias, self.driver, self.capabilities = alias, alias.driver, alias.capabilities
        self.observers: tuple[Observer, ...] = alias.plugins.observers()
        self._log, self._logs = log, logs
        self._lookup: Lookup = self._driver_lookup
        for read_layer in reversed(alias.plugins.read_layers()):
            self._lookup = read_layer(self._lookup)
        self._commit: Commit = self._driver_commit
        for commit_layer in reversed(alias.plugins.commit_layers()):
            self._commit = commit_layer(self._commit)

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST) -> list[Row | None]:
        """Read rows by key, in the order of the keys; None for a missing one."""
        return self._lookup(keys, shape, options)

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST) -> Iterator[Page]:
        """Run a query, page by page."""
        return self.driver.run_query(query, shape, options, observe=self._observer())

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST) -> tuple[Value, ...]:
        """Aggregate a query's results."""
        return self.driver.aggregate(query, aggregations, options, observe=self._observer())

    def commit(self, mutations: Sequence[Mutation], transaction: bytes | None = None) -> list[MutationResult]:
        """Apply all mutations or none in one RPC, and end the store's transaction if one is given."""
        return self._commit(mutations, transaction)

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None) -> bytes:
        """Open a transaction of the store."""
        return self.driver.begin(read_only=read_only, read_time=read_time, observe=self._observer())

    def rollback(self, transaction: bytes) -> None:
        """Give a transaction of the store up."""
        self.driver.rollback(transaction, observe=self._observer())

    def unobserved(self) -> Store:
        """Return the same store, of whose RPCs nobody is told."""
        quiet = Store(self.alias, unobserved, lambda: False)
        quiet.observers = ()
        return quiet

    def observe(self, rpc: RPC) -> None:
        """Tell the connection's log and the plugins of an RPC."""
        self._log(rpc)
        for observer in self.observers:
            observer.rpc(self.alias.settings.alias, rpc)

    def _observer(self) -> Observe:
        """Return whom a driver tells of its RPCs; nobody, where nobody listens, so that it need not describe them."""
        return self.observe if self.observers or self._logs() else unobserved

    def _driver_lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions) -> list[Row | None]:
        return self.driver.lookup(keys, shape, options, observe=self._observer())

    def _driver_commit(self, mutations: Sequence[Mutation], transaction: bytes | None) -> list[MutationResult]:
        return self.driver.commit(mutations, transaction, observe=self._observer())
