"""What a read sees, and what a transaction remembers of it. Who calls these holds the store's lock."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.datamodel import Key, Query
from ...core.datamodel.ordering import moment_of
from ...core.driver import ReadOptions
from .keys import Position, check_key
from .record import Record
from .store import Store
from .table import Table
from .transactions import Transaction


def snapshot_of(store: Store, options: ReadOptions) -> tuple[int | None, Transaction | None]:
    """Return the version to read at, None for the latest, and the transaction; tell who asks for it of the moment."""
    if options.on_read_time is None or options.transaction is not None:
        return store.snapshot(options)
    snapshot = store.now() if options.read_time is None else store.snapshot(options)[0]
    assert snapshot is not None
    options.on_read_time(moment_of(snapshot))
    return snapshot, None


def lookup_records(store: Store, keys: Sequence[Key], positions: Sequence[Position], options: ReadOptions) -> list[Record | None]:
    """Read entities by key."""
    snapshot, transaction = snapshot_of(store, options)
    if transaction is not None and not transaction.read_only:
        transaction.entities.update((key.namespace, key.kind, position) for key, position in zip(keys, positions, strict=True))
    records: list[Record | None] = []
    for key, position in zip(keys, positions, strict=True):
        table = store.table(key.namespace, key.path[-1][0])
        if table is None:
            check_key(key)  # of the kinds that exist the names are known to be good
            records.append(None)
        else:
            records.append(table.rows.get(position) if snapshot is None else table.at(position, snapshot))
    return records


def note_query(transaction: Transaction | None, query: Query) -> None:
    """Remember that a transaction depends on all of a kind: any change of it may change the query's results."""
    if transaction is not None and not transaction.read_only:
        transaction.kinds.add((query.namespace, query.kind))


def tables_of(store: Store, query: Query) -> list[Table]:
    """Return the kinds that a query reads."""
    if query.kind is None:
        return store.tables(query.namespace)
    table = store.table(query.namespace, query.kind)
    return [] if table is None else [table]
