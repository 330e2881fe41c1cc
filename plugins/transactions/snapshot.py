"""What a transaction's reads see: the moment of the first of them, or what a transaction of the store sees."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from django.db.utils import NotSupportedError

from ...core.datamodel import Aggregation, HasAncestor, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ...core.datamodel.errors import Contention
from ...core.datamodel.filters import leaves
from ...core.driver import LATEST, Capabilities, ReadOptions
from .errors import TransactionFailedError

Isolation = Literal["snapshot", "serializable"]


class Base(Protocol):
    """What a transaction reads from and commits to: the store, or in a TestCase the transaction of the test."""

    capabilities: Capabilities

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST) -> list[Row | None]: ...

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST) -> Iterator[Page]: ...

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST) -> tuple[Value, ...]: ...

    def commit(self, mutations: Sequence[Mutation], transaction: bytes | None = None) -> list[MutationResult]: ...

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None) -> bytes: ...

    def rollback(self, transaction: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Characteristics:
    """How a transaction was asked to be; the parameters of `atomic` of these names say what they mean."""

    isolation: Isolation = "snapshot"
    read_only: bool = False
    read_time: datetime | None = None
    query_outside: bool = False
    allow_split: bool = False

    def splitting(self) -> Characteristics:
        """Return the same, for a transaction that may be committed in parts."""
        return replace(self, allow_split=True)


class Snapshot:
    """The options of a transaction's reads. The first read decides what all see; others wait for it, for branches are read side by side."""

    def __init__(self, base: Base, characteristics: Characteristics, *, pinned: bool, on_begin: Callable[[], None]) -> None:
        """Prepare; `pinned` is whether all reads are to be of one moment, `on_begin` is told of a transaction of the store."""
        self.base, self.capabilities, self.characteristics = base, base.capabilities, characteristics
        self.transaction: bytes | None = None
        self._on_begin = on_begin
        self._serializable = pinned and characteristics.isolation == "serializable"
        self._read_time = characteristics.read_time
        self._settled = not pinned or self._read_time is not None or not (self._serializable or self.capabilities.read_time)
        self._first_read = threading.Lock()

    @contextmanager
    def reading(self, options: ReadOptions, query: Query | None = None) -> Iterator[ReadOptions]:
        """Give the options of a read, which takes place inside the block."""
        if self._settled:
            with failing_as_a_whole():
                yield self._options(options, query)
            return
        with self._first_read, failing_as_a_whole():
            if self._serializable and not self._settled and not self._reads_outside(query):
                self._begin()
            yield self._options(options, query)

    def _options(self, options: ReadOptions, query: Query | None) -> ReadOptions:
        if self.transaction is not None and not self._reads_outside(query):
            return ReadOptions(transaction=self.transaction, page_size=options.page_size)
        if self._settled or self._serializable:
            return ReadOptions(read_time=self._read_time, page_size=options.page_size)
        return ReadOptions(page_size=options.page_size, on_read_time=self._pin)

    def _pin(self, moment: datetime) -> None:
        self._read_time, self._settled = moment, True

    def _begin(self) -> None:
        self.transaction = self.base.begin(read_only=self.characteristics.read_only)
        self._settled = True
        self._on_begin()

    def _reads_outside(self, query: Query | None) -> bool:
        """Tell whether a query cannot run in the store's transaction and is allowed to run outside."""
        if query is None or not self._serializable or self.capabilities.queries_in_transactions:
            return False
        if any(isinstance(leaf, HasAncestor) for leaf in leaves(query.filter)):
            return False
        if not self.characteristics.query_outside:
            raise NotSupportedError(
                f"This store takes only ancestor queries in a transaction, and the query on {query.kind} is none: in "
                "atomic(isolation='serializable') read by primary key, or pass query_outside=True to read it outside the transaction, "
                "without protection from what others change."
            )
        return True


@contextmanager
def failing_as_a_whole() -> Iterator[None]:
    """Have the whole transaction fail where the store gives up a read in it in favour of somebody else's commit."""
    try:
        yield
    except Contention as error:
        raise TransactionFailedError(
            f"The transaction failed: the store gave it up in favour of another ({error}). Nothing was written. Run it again, for example "
            "by @atomic(retries=3)."
        ) from error
