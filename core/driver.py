"""The driver seam: a store's RPC surface in neutral values, and what that store can do, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from .datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value

Intent = Literal["read", "lock", "write"]  # what a reader is going to do with the rows


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do. The defaults are those of Firestore in Datastore mode; limits are the store's documented ones.

    Sizes are in bytes; None means that there is no limit.
    """

    disjunctions: int = 30  # OR and IN branches in one query, after its normal form; 1: neither OR nor an IN of several values
    not_equal: bool = True  # one != or NOT IN in a query
    not_in_values: int = 10  # 0: no NOT IN
    inequality_properties: int | None = 10  # properties with an inequality in one query
    inequality_orders_first: bool = False  # the property with the inequality must be the first sort order
    filters_and_orders: int | None = 100
    aggregations: frozenset[str] = frozenset(("count", "sum", "avg"))
    read_masks: bool = True  # lookups and queries can send only some properties
    property_masks: bool = True  # mutations can write only some properties
    property_transforms: bool = True
    queries_in_transactions: bool = True  # beyond ancestor queries
    strong_queries: bool = True  # a query sees every commit that returned before it
    keys_only_versions: bool = True  # keys-only results carry a version that can be a base_version
    read_time: bool = True  # reads at a past moment
    named_databases: bool = True
    cursors: bool = True
    lookup_keys: int = 1000  # keys in one lookup; a driver splits longer ones itself
    entity_groups: int | None = None  # distinct root keys in one atomic commit
    commit_mutations: int | None = None
    request_bytes: int = 10 * 2**20 - 64 * 2**10
    entity_bytes: int = 1_048_572
    property_bytes: int = 1_048_487
    indexed_bytes: int = 1500  # an indexed string or byte string, a filter's value, a key's name, a kind, a property's name
    index_entries: int = 20_000  # indexed values in one entity


@dataclass(frozen=True, slots=True)
class RPC:
    """One request that was sent to the store, for `connection.queries`, the debug toolbar and metrics. `duration` is in seconds."""

    method: str  # "Lookup", "RunQuery", "RunAggregationQuery", "Commit", "BeginTransaction", "Rollback", "AllocateIds", "ReserveIds"
    request: Any  # the neutral request: keys, a Query, mutations, ...
    duration: float
    rows: int = 0
    retries: int = 0
    error: BaseException | None = None


Observe = Callable[[RPC], None]


def unobserved(rpc: RPC) -> None:
    """Tell nobody of an RPC."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read: inside a store transaction, or at a past moment (aware, UTC), or (neither) the latest.

    `on_read_time` is told, before any row is returned, of the moment whose state is read, if the store says it. `intent` is for the
    transaction of `atomic`, drivers pass it over: "lock" the rows against changes until the commit, or "write" what was just read.
    """

    transaction: bytes | None = None
    read_time: datetime | None = None
    page_size: int | None = None  # rows for each RPC of a query; None: as many as a bounded response holds
    on_read_time: Callable[[datetime], None] | None = None
    intent: Intent = "read"


LATEST = ReadOptions()


class Driver(Protocol):
    """A store, bound to one project and database. It is thread-safe, one object serves every connection of an alias.

    Each method tells `observe` of every RPC that it sends, retries as one. Errors are those of `datamodel.errors`, translated here once.
    """

    capabilities: Capabilities

    @property
    def identity(self) -> str:
        """What the store is, unambiguous among all stores: equal for two aliases on one store. Part of every cache key."""
        ...

    @property
    def is_production(self) -> bool:
        """Whether the data is real: neither an emulator's nor this process's own."""
        ...

    def lookup(
        self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> list[Row | None]:
        """Read entities by key, strongly consistent: a row for each key, in their order, None for a missing one. Keys may repeat."""
        ...

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved) -> Iterator[Page]:
        """Run a query, page by page, one RPC for each as the iterator advances, until it is exhausted or its limit is reached."""
        ...

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> tuple[Value, ...]:
        """Aggregate a query's results: a value for each aggregation, all from one RPC."""
        ...

    def commit(
        self, mutations: Sequence[Mutation], transaction: bytes | None = None, *, observe: Observe = unobserved
    ) -> list[MutationResult]:
        """Apply all mutations or none of them, in one RPC. An entity may occur once. OutcomeUnknown when no answer tells."""
        ...

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None, observe: Observe = unobserved) -> bytes:
        """Open a store transaction and return its id."""
        ...

    def rollback(self, transaction: bytes, *, observe: Observe = unobserved) -> None:
        """Give a store transaction up; one that has already ended is no error."""
        ...

    def allocate_ids(self, parent: Key | None, kind: str, count: int, namespace: str = "", *, observe: Observe = unobserved) -> list[Key]:
        """Return keys with ids that the store will not hand out again."""
        ...

    def reserve_ids(self, keys: Sequence[Key], *, observe: Observe = unobserved) -> None:
        """Tell the store never to hand out these ids."""
        ...

    def reset(self, namespace: str) -> None:
        """Delete all entities of one namespace and of nothing else; for tests."""
        ...

    def close(self) -> None:
        """Release what the driver holds in this process; it may be used again afterwards."""
        ...
