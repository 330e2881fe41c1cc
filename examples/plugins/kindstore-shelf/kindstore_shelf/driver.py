"""The driver: the requests of a store, answered from a shelf."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kindstore.core.datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value, Verb
from kindstore.core.datamodel.errors import Unsupported
from kindstore.core.datamodel.rows import row_maker
from kindstore.core.driver import LATEST, RPC, Capabilities, Observe, ReadOptions, unobserved

from .cursors import after, cut
from .limits import check_keys
from .rows import complete_orders, select
from .shelf import Shelf
from .validation import check_mutations, check_query

CAPABILITIES = Capabilities(
    disjunctions=1,
    not_equal=False,
    not_in_values=0,
    inequality_properties=1,
    inequality_orders_first=True,
    aggregations=frozenset(),
    read_masks=False,
    property_masks=False,
    property_transforms=False,
    read_time=False,
    named_databases=False,
    commit_mutations=None,
    filters_and_orders=None,
)
_shelves: dict[str, Shelf] = {}
_shelves_lock = threading.Lock()


class ShelfDriver:
    """A store in a file, or in memory alone when `name` is ":memory:"."""

    capabilities = CAPABILITIES
    is_production = False

    def __init__(self, name: str) -> None:
        name = name if name == ":memory:" else str(Path(name).resolve())
        with _shelves_lock:
            self._shelf = _shelves.get(name) or _shelves.setdefault(name, Shelf(name))
        self.identity = f"shelf:{name}"

    def lookup(
        self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> list[Row | None]:
        """Read entities by key, so many in each request."""
        check_keys(keys, CAPABILITIES)
        rows: list[Row | None] = []
        make_row = row_maker(shape)
        for start in range(0, len(keys), CAPABILITIES.lookup_keys):
            some = keys[start : start + CAPABILITIES.lookup_keys]
            with observed(observe, "Lookup", some) as found:
                entities = self._shelf.get(some, _transaction(options))
                found += [entity for entity in entities if entity is not None]
            rows += [None if entity is None else make_row(entity) for entity in entities]
        return rows

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved) -> Iterator[Page]:
        """Run a query; what it finds is settled with the first page."""
        make_row = row_maker(shape)
        with observed(observe, "RunQuery", query) as rows:
            orders = complete_orders(query, check_query(query, CAPABILITIES))
            entities = self._shelf.all(query.kind, _transaction(options))
            found = cut(select(entities, query, orders), query, orders)
            size = options.page_size or len(found) or 1
            page = found[:size]
            rows += [make_row(entity) for entity in page]
        yield Page(rows, after(page, query, orders))
        for start in range(size, len(found), size):
            page = found[start : start + size]
            with observed(observe, "RunQuery", query) as rows:
                rows += [make_row(entity) for entity in page]
            yield Page(rows, after(page, query, orders))

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> tuple[Value, ...]:
        """Refuse: whoever asks counts what a query finds."""
        raise Unsupported("A shelf has no aggregations. Run the query, and count what it finds.")

    def commit(
        self, mutations: Sequence[Mutation], transaction: bytes | None = None, *, observe: Observe = unobserved
    ) -> list[MutationResult]:
        """Apply all mutations or none."""
        with observed(observe, "Commit", mutations):
            check_mutations(mutations, CAPABILITIES)
            version = self._shelf.commit(mutations, transaction)
        return [MutationResult(version) for _ in mutations]

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None, observe: Observe = unobserved) -> bytes:
        """Open a transaction on a snapshot."""
        if read_time is not None:
            raise Unsupported("A shelf does not keep the past. Leave `read_time` out.")
        with observed(observe, "BeginTransaction", read_only):
            return self._shelf.begin(read_only=read_only)

    def rollback(self, transaction: bytes, *, observe: Observe = unobserved) -> None:
        """Forget a transaction."""
        with observed(observe, "Rollback", transaction):
            self._shelf.transactions.pop(transaction, None)

    def allocate_ids(self, parent: Key | None, kind: str, count: int, namespace: str = "", *, observe: Observe = unobserved) -> list[Key]:
        """Return keys with random ids, of which two are never the same."""
        with observed(observe, "AllocateIds", (kind, count)):
            path = parent.path if parent else ()
            return [Key((*path, (kind, number)), namespace) for number in self._shelf.new_ids(count)]

    def reserve_ids(self, keys: Sequence[Key], *, observe: Observe = unobserved) -> None:
        """Never hand out these ids."""
        with observed(observe, "ReserveIds", keys):
            self._shelf.used_ids.update(key.id_or_name for key in keys)

    def reset(self, namespace: str) -> None:
        """Delete the entities of a namespace."""
        with self._shelf.lock:
            keys = [key for key in self._shelf.entities if key.namespace == namespace]
            self._shelf.commit([Mutation(Verb.DELETE, key) for key in keys], None)

    def close(self) -> None:
        """Nothing is held open."""


@contextmanager
def observed(observe: Observe, method: str, request: Any) -> Iterator[list[Any]]:
    """Tell an observer of a request; the rows that are put into the list are counted."""
    started, rows, failure = time.perf_counter(), [], None
    try:
        yield rows
    except Exception as error:
        failure = error
        raise
    finally:
        observe(RPC(method, request, time.perf_counter() - started, rows=len(rows), error=failure))


def _transaction(options: ReadOptions) -> bytes | None:
    if options.read_time is not None:
        raise Unsupported("A shelf does not keep the past. Leave `read_time` out.")
    return options.transaction
