"""The memory driver: the Driver protocol over a store in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any

from ...core.datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ...core.datamodel.aggregating import aggregate, bounded, properties_of
from ...core.driver import LATEST, RPC, Capabilities, Observe, ReadOptions, unobserved
from .abilities import check_reading
from .aggregating import check_aggregations
from .decoding import Decoder
from .keys import position_of
from .paging import first_window, pages
from .prepare import Prepared, prepare
from .reading import lookup_records, note_query, snapshot_of, tables_of
from .record import reader
from .registry import canonical, is_in_memory, open_store, release
from .selection import count_plainly, select
from .store import Store


class MemoryDriver:
    """A store in this process, by name: ":memory:" (or ""), or a file that every commit is written to."""

    capabilities = Capabilities()
    is_production = False
    max_decoders = 1000

    def __init__(self, name: str = "", capabilities: Capabilities | None = None) -> None:
        """Bind a driver to the store `name`; its file is opened by the first request."""
        self.name = canonical(name)
        if capabilities is not None:
            self.capabilities = capabilities
        self._store: Store | None = None
        self._decoders: dict[Shape, Decoder] = {}
        self._decoders_by_id: dict[int, tuple[Shape, Decoder]] = {}  # spares the hash of a shape that is kept

    @property
    def identity(self) -> str:
        """What the store is; one that is only in memory differs from that of every other process."""
        return f"memory:{self.store.token if is_in_memory(self.name) else self.name}"

    @property
    def store(self) -> Store:
        """The store, opened if it is not yet."""
        store = self._store
        if store is None:
            store = self._store = open_store(self.name, self.capabilities, id(self))
        if store.forked:
            store.check_process()
        return store

    def lookup(
        self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> list[Row | None]:
        """Read entities by key."""
        with _Observed(observe, "Lookup", keys) as rpc:
            check_reading(None, options, self.capabilities)
            store, decoder = self.store, self._decoder(shape)
            limit = self.capabilities.indexed_bytes
            positions = [position_of(key, limit) for key in keys]
            with store.reading:
                records = lookup_records(store, keys, positions, options)
            row = decoder.row
            rows = [None if record is None else row(record) for record in records]
            rpc.rows = len(rows) - rows.count(None)
            return rows

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved) -> Iterator[Page]:
        """Run a query, page by page."""
        prepared = prepare(query, self.capabilities)
        check_reading(query, options, self.capabilities)
        yield from pages(self.store, prepared, self._decoder(shape), options, observe)

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> tuple[Value, ...]:
        """Aggregate a query's results."""
        with _Observed(observe, "RunAggregationQuery", (query, tuple(aggregations))):
            check_aggregations(aggregations, self.capabilities)
            prepared = prepare(query, self.capabilities, properties_of(aggregations))
            check_reading(query, options, self.capabilities)
            return self._aggregate(prepared, aggregations, options)

    def commit(
        self, mutations: Sequence[Mutation], transaction: bytes | None = None, *, observe: Observe = unobserved
    ) -> list[MutationResult]:
        """Apply all mutations or none."""
        with _Observed(observe, "Commit", mutations):
            return self.store.commit(mutations, transaction)

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None, observe: Observe = unobserved) -> bytes:
        """Open a transaction: a snapshot, and a commit that fails with Contention if what was read has changed."""
        with _Observed(observe, "BeginTransaction", None):
            return self.store.begin(read_only=read_only, read_time=read_time)

    def rollback(self, transaction: bytes, *, observe: Observe = unobserved) -> None:
        """Give a transaction up."""
        with _Observed(observe, "Rollback", transaction):
            self.store.rollback(transaction)

    def allocate_ids(self, parent: Key | None, kind: str, count: int, namespace: str = "", *, observe: Observe = unobserved) -> list[Key]:
        """Return keys with ids that were not handed out before, random ones below 2^52."""
        with _Observed(observe, "AllocateIds", kind):
            return self.store.allocate(parent, kind, count, namespace)

    def reserve_ids(self, keys: Sequence[Key], *, observe: Observe = unobserved) -> None:
        """Never hand these ids out."""
        with _Observed(observe, "ReserveIds", keys):
            self.store.reserve(keys)

    def reset(self, namespace: str) -> None:
        """Delete all entities of one namespace."""
        self.store.reset(namespace)

    def close(self) -> None:
        """Give the store up: a file is closed with its last driver, what is only in memory stays."""
        self._store = None
        release(self.name, id(self))

    def _decoder(self, shape: Shape) -> Decoder:
        known = self._decoders_by_id.get(id(shape))
        if known is not None:
            return known[1]
        if len(self._decoders_by_id) >= self.max_decoders:
            self._decoders, self._decoders_by_id = {}, {}
        decoder = self._decoders.setdefault(shape, Decoder(shape))
        self._decoders_by_id[id(shape)] = shape, decoder
        return decoder

    def _aggregate(self, prepared: Prepared, aggregations: Sequence[Aggregation], options: ReadOptions) -> tuple[Value, ...]:
        store, query = self.store, prepared.query
        sliced = query.limit is not None or query.offset or query.start_cursor or query.end_cursor
        with store.reading:
            snapshot, transaction = snapshot_of(store, options)
            note_query(transaction, query)
            tables = tables_of(store, query)
            if not sliced and len(tables) == 1 and all(aggregation.function == "count" for aggregation in aggregations):
                count = count_plainly(tables[0], prepared, snapshot)
                if count is not None:
                    return tuple(bounded(count, aggregation) for aggregation in aggregations)
            records = select(tables, prepared, snapshot, first_window(prepared)).records if tables else []
        return aggregate(aggregations, records, reader)


class _Observed:
    """Tells of an RPC when it has ended."""

    __slots__ = ("_method", "_observe", "_request", "_start", "rows")

    def __init__(self, observe: Observe, method: str, request: Any) -> None:
        self._observe, self._method, self._request, self.rows = observe, method, request, 0

    def __enter__(self) -> _Observed:
        self._start = perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._observe is not unobserved:
            self._observe(RPC(self._method, self._request, perf_counter() - self._start, self.rows, error=error))
