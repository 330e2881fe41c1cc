"""The transaction that a TestCase opens around a test and rolls back. To the test it is the store, so it tells of the RPCs that a store
would have been sent: tests count the same RPCs as without a TestCase.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...core.datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ...core.driver import LATEST, RPC, ReadOptions
from ...core.session.store import Store
from .snapshot import Characteristics
from .transaction import Transaction

if TYPE_CHECKING:
    from ...core.backend.place import Place
    from ...core.session.changes import Unit


class TestTransaction(Transaction):
    """Stands for the store in a test."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    def __init__(self, store: Store, characteristics: Characteristics, place: Place, alias: str) -> None:
        super().__init__(store.unobserved(), characteristics, place, alias)
        self._observe = store.observe

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST) -> list[Row | None]:
        """Read rows by key, in one RPC as far as anybody is told."""
        with self._told("Lookup", tuple(keys)) as told:
            rows = super().lookup(keys, shape, options)
            told.append(len(rows) - rows.count(None))
        return rows

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST) -> Iterator[Page]:
        """Run a query, in an RPC for each page."""
        pages = super().run_query(query, shape, options)
        page: Page | None = Page([])
        is_first = True
        while page is not None:
            with self._told("RunQuery", query, silent=not is_first) as told:
                page = next(pages, None)
                told += [] if page is None else [len(page.rows)]
            is_first = False
            if page is not None:
                yield page

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST) -> tuple[Value, ...]:
        """Aggregate the results of a query, in one RPC."""
        with self._told("RunAggregationQuery", (query, tuple(aggregations))) as told:
            values = super().aggregate(query, aggregations, options)
            told.append(1)
        return values

    def write(self, unit: Unit, mutations: Sequence[Mutation]) -> list[MutationResult]:
        """Write all mutations of a unit or none, in one commit."""
        with self._told("Commit", tuple(mutations)):
            return super().write(unit, mutations)

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None) -> bytes:
        """Open a transaction of the store, which a test's needs not."""
        with self._told("BeginTransaction", None):
            return super().begin(read_only=read_only, read_time=read_time)

    @contextmanager
    def _told(self, method: str, request: Any, *, silent: bool = False) -> Iterator[list[int]]:
        """Tell of an RPC that ends with the block; the block adds the number of its rows. `silent` tells only of one that has rows."""
        started, rows = time.perf_counter(), list[int]()
        error: BaseException | None = None
        try:
            yield rows
        except BaseException as raised:
            error = raised
            raise
        finally:
            if rows or error is not None or not silent:
                self._observe(RPC(method, request, time.perf_counter() - started, sum(rows), error=error))
