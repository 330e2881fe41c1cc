"""One store: its kinds, its clock, its transactions, and the commit that all writes go through."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.utils import OperationalError

from ...core.datamodel import Key, Mutation, MutationResult, Value, Verb
from ...core.datamodel.applying import check_form, check_preconditions, outcome
from ...core.datamodel.errors import Contention, InvalidRequest
from ...core.datamodel.ordering import microseconds
from ...core.driver import Capabilities, ReadOptions
from .abilities import check_mutations, check_request_size
from .keys import Position, check_key, position_of
from .limits import Signatures
from .log import Log
from .record import Record, tombstone
from .table import Table
from .transactions import Transaction, Transactions

RETENTION_SECONDS = 3600  # how far back reads reach
MAX_HISTORY = 100_000  # changes of one kind that are remembered at most ...
MAX_PINNED_HISTORY = 1_000_000  # ... and while an open transaction needs them
RANDOM_ID_BITS = 52


class Store:
    """All entities of one NAME. Commits are serialised by `writing`; `reading` is held briefly, to read or to change what is in memory."""

    def __init__(self, capabilities: Capabilities, path: str | None = None) -> None:
        """Open a store, from its file when it has one."""
        self.reading = threading.Lock()
        self.writing = threading.Lock()
        self.transactions = Transactions()
        self.path, self.process, self.forked = path, os.getpid(), False
        self.token = secrets.token_hex(8)
        self.max_history, self.max_pinned_history = MAX_HISTORY, MAX_PINNED_HISTORY
        self._capabilities = capabilities
        self._signatures = Signatures(capabilities)
        self._tables: dict[tuple[str, str], Table] = {}
        self._held: set[tuple[str, Position]] = set()  # ids that are not handed out
        self._version = 0
        self._committing: int | None = None  # the version of the commit in flight: no snapshot may reach it before it is applied
        self._settled = threading.Condition(self.reading)
        self._log = Log(path) if path is not None else None
        self._started = 0
        if self._log is not None:
            self._load(self._log)

    def close(self) -> None:
        """Release the file."""
        if self._log is not None and not self.forked:
            with self.writing:
                self._log.close()

    def after_fork_in_child(self) -> None:
        """Keep what is in memory as this process's own, another store from now on; a file stays the parent's."""
        self.token = secrets.token_hex(8)
        if self._log is not None:
            self.forked = True
            self._log.abandon()

    def check_process(self) -> None:
        """Raise OperationalError in a child of the process that holds the file."""
        if self.forked:
            raise OperationalError(
                f"The memory store's file {self.path} belongs to process {self.process}, from which this one was forked. "
                "Open it in one process only, or use a store that is a server."
            )

    def table(self, namespace: str, kind: str) -> Table | None:
        """Return a kind's entities, None where there never were any."""
        return self._tables.get((namespace, kind))

    def tables(self, namespace: str) -> list[Table]:
        """Return all kinds of a namespace."""
        return [table for (owner, _), table in self._tables.items() if owner == namespace]

    def now(self) -> int:
        """Return the moment as a version; no later commit gets it or a lower one. The lock `reading` is held."""
        self._version = max(self._version, time.time_ns() // 1000)
        return self._version if self._committing is None else self._committing - 1

    def snapshot(self, options: ReadOptions) -> tuple[int | None, Transaction | None]:
        """Return the version to read at, None for the latest, and the transaction. The lock `reading` is held."""
        if options.transaction is not None:
            transaction = self.transactions.use(options.transaction)
            return transaction.snapshot, transaction
        return (None, None) if options.read_time is None else (self._at(options.read_time), None)

    def begin(self, *, read_only: bool, read_time: datetime | None) -> bytes:
        """Open a transaction."""
        if read_time is not None and not read_only:
            raise InvalidRequest("A read time was given for a transaction that writes; only a read-only one can read the past.")
        with self.reading:
            snapshot = self.now() if read_time is None else self._at(read_time)
            return self.transactions.begin(snapshot, read_only=read_only).id

    def rollback(self, transaction: bytes) -> None:
        """End a transaction."""
        with self.reading:
            self.transactions.end(transaction)

    def commit(self, mutations: Sequence[Mutation], transaction: bytes | None) -> list[MutationResult]:
        """Apply all mutations or none; on return they are in the file."""
        with self.writing:
            with self.reading:
                reader = None if transaction is None else self._end(transaction)
                version = self._committing = self._next_version()
            records: list[Record] = []
            try:
                if reader is not None:
                    self._check_unchanged(reader)
                prepared, results = self._prepare(mutations, version)
                if self._log is not None and prepared:
                    written = [record for record in prepared if not record.deleted]
                    self._log.write(version, written, [_key_of(record) for record in prepared if record.deleted])
                records = prepared
            finally:
                with self.reading:
                    self._apply(records)
                    self._committing = None
                    self._settled.notify_all()
        return results

    def allocate(self, parent: Key | None, kind: str, count: int, namespace: str) -> list[Key]:
        """Return keys with fresh random ids."""
        prefix = () if parent is None else parent.path
        keys: list[Key] = []
        with self.writing:
            while len(keys) < count:
                key = Key((*prefix, (kind, secrets.randbelow(2**RANDOM_ID_BITS - 1) + 1)), namespace)
                position = position_of(key, self._capabilities.indexed_bytes)
                if (namespace, position) not in self._held and self._latest(key, position) is None:
                    self._held.add((namespace, position))
                    keys.append(key)
            if self._log is not None:
                self._log.hold(keys)
        return keys

    def reserve(self, keys: Iterable[Key]) -> None:
        """Never hand these ids out."""
        positions = [(key, position_of(key, self._capabilities.indexed_bytes)) for key in keys]
        with self.writing:
            if self._log is not None:
                self._log.hold([key for key, _ in positions])
            self._held.update((key.namespace, position) for key, position in positions)

    def reset(self, namespace: str) -> None:
        """Delete a namespace."""
        with self.writing:
            with self.reading:
                version = self._next_version()
            if self._log is not None:
                self._log.reset(namespace, version)
            with self.reading:
                for table in self.tables(namespace):
                    table.clear(version)

    def _load(self, log: Log) -> None:
        tables: dict[tuple[str, str], list[Record]] = {}
        for key, properties, unindexed, version in log.entities():
            position = position_of(key)
            signature, values, _ = self._signatures.accept(key, properties, unindexed)
            record = Record(position, version, (key, position[-1], version, *values), signature)
            tables.setdefault((key.namespace, key.kind), []).append(record)
        self._version = self._started = max(log.last_version(), time.time_ns() // 1000)
        for (namespace, kind), records in tables.items():
            table = self._tables[namespace, kind] = Table(kind, self._started)
            table.load(records)
        self._held = {(key.namespace, position_of(key)) for key in log.held_ids()}

    def _next_version(self) -> int:
        self._version = max(self._version + 1, time.time_ns() // 1000)
        return self._version

    def _at(self, moment: datetime) -> int:
        if moment.tzinfo is None:
            raise InvalidRequest(f"The read time {moment} has no time zone; give it one.")
        version = microseconds(moment)
        while self._committing is not None and version >= self._committing:
            self._settled.wait()
        now = self.now()
        if version > now:
            raise InvalidRequest(f"The read time {moment} is in the future; the latest state is read without a read time.")
        if version < max(now - RETENTION_SECONDS * 1_000_000, self._started):
            raise OperationalError(
                f"The read time {moment} is too long ago: the memory store remembers {RETENTION_SECONDS // 60} minutes, "
                "and nothing from before it was opened. Read a later moment."
            )
        return version

    def _end(self, transaction: bytes) -> Transaction:
        reader = self.transactions.use(transaction)
        self.transactions.end(transaction)
        if reader.read_only:
            raise InvalidRequest("A read-only transaction cannot commit; end it with a rollback.")
        return reader

    def _check_unchanged(self, reader: Transaction) -> None:
        for namespace, kind, position in reader.entities:
            table = self._tables.get((namespace, kind))
            if table is None or table.last_change <= reader.snapshot:
                continue
            latest = table.latest(position)
            if table.horizon > reader.snapshot or (latest is not None and latest.version > reader.snapshot):
                raise Contention(f"An entity of kind {kind!r} that the transaction read was changed since. Run the transaction again.")
        for namespace, read_kind in reader.kinds:
            tables = self.tables(namespace) if read_kind is None else [self._tables.get((namespace, read_kind))]
            for table in tables:
                if table is not None and table.last_change > reader.snapshot:
                    raise Contention(f"Kind {table.kind!r}, which the transaction queried, was changed since. Run the transaction again.")

    def _prepare(self, mutations: Sequence[Mutation], version: int) -> tuple[list[Record], list[MutationResult]]:
        seen: set[tuple[str, Position]] = set()
        records, results = [], []
        plain, total = MutationResult(version), 0
        check_mutations(mutations, self._capabilities)
        for mutation in mutations:
            key = mutation.key
            position = position_of(key, self._capabilities.indexed_bytes)
            if (key.namespace, position) in seen:
                raise InvalidRequest(f"Entity {key} occurs twice in one commit; merge its mutations into one.")
            seen.add((key.namespace, position))
            latest = self._latest(key, position)
            record, transformed, size = self._mutate(mutation, position, latest, version)
            total += size
            if record is not None:
                records.append(record)
                results.append(MutationResult(version, transformed) if transformed else plain)
            else:
                results.append(plain if latest is None or latest.deleted else MutationResult(latest.version))
        check_request_size(total, self._capabilities)
        return records, results

    def _mutate(
        self, mutation: Mutation, position: Position, latest: Record | None, version: int
    ) -> tuple[Record | None, tuple[Value, ...], int]:
        current = None if latest is None or latest.deleted else latest
        check_form(mutation)
        check_preconditions(mutation, None if current is None else current.version)
        if mutation.verb is Verb.DELETE:
            return None if current is None else tombstone(position, version, current), (), 0
        if mutation.mask == () and not mutation.transforms and current is not None:
            return None, (), 0  # a guard: it writes nothing
        properties, unindexed, transformed = outcome(mutation, None if current is None else current.content)
        signature, values, size = self._signatures.accept(mutation.key, properties, unindexed)
        return Record(position, version, (mutation.key, position[-1], version, *values), signature, latest), transformed, size

    def _latest(self, key: Key, position: Position) -> Record | None:
        table = self._tables.get((key.namespace, key.path[-1][0]))
        if table is None:
            check_key(key, self._capabilities.indexed_bytes)
            return None
        return table.latest(position)

    def _apply(self, records: list[Record]) -> None:
        touched: dict[int, Table] = {}
        for record in records:
            key = _key_of(record)
            table = self._tables.get((key.namespace, key.path[-1][0]))
            if table is None:
                table = self._tables[key.namespace, key.path[-1][0]] = Table(key.path[-1][0])
            table.apply(record)
            touched[id(table)] = table
        for table in touched.values():
            self._forget(table)

    def _forget(self, table: Table) -> None:
        before, pinned = self._version - RETENTION_SECONDS * 1_000_000, self.transactions.oldest()
        if pinned is None:
            table.forget(before, self.max_history)
        else:
            table.forget(min(before, pinned), self.max_pinned_history)


def _key_of(record: Record) -> Key:
    if record.deleted:
        assert record.prev is not None
        return record.prev.key
    return record.key
