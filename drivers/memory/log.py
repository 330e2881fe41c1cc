"""The file of a store: an SQLite database in WAL mode that one process holds, with one SQLite transaction for each commit."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db.utils import OperationalError

from ...core.datamodel import Key, Value
from .codec import decode_path, decode_properties, encode_path, encode_properties
from .record import Record

APPLICATION_ID = 0x6B696E64  # "kind"
_SCHEMA = """
CREATE TABLE entities (namespace TEXT, path TEXT, content TEXT NOT NULL, PRIMARY KEY (namespace, path));
CREATE TABLE held_ids (namespace TEXT, path TEXT, PRIMARY KEY (namespace, path)) WITHOUT ROWID;
CREATE TABLE clock (version INTEGER NOT NULL);
INSERT INTO clock VALUES (0);
"""


class Log:
    """A file of current entities, written before a commit is acknowledged. Its lock keeps other processes out until it is closed."""

    def __init__(self, path: str) -> None:
        """Open or create the file; OperationalError when another process holds it, or when it is something else."""
        self.path = path
        if not os.path.isdir(os.path.dirname(path)):
            raise OperationalError(f"The memory store's file {path} cannot be opened: its folder does not exist. Create the folder first.")
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            self._prepare(self._connection)
        except sqlite3.Error as error:
            self.close()
            raise self._refusal(error) from error

    def entities(self) -> Iterator[tuple[Key, dict[str, Value], frozenset[str], int]]:
        """Read all entities: key, properties, names of the unindexed ones, version."""
        with self._translated():
            for namespace, path, content in self._db.execute("SELECT namespace, path, content FROM entities"):
                yield Key(decode_path(path), namespace), *decode_properties(content)

    def held_ids(self) -> Iterator[Key]:
        """Read the keys whose ids must not be handed out."""
        with self._translated():
            for namespace, path in self._db.execute("SELECT namespace, path FROM held_ids"):
                yield Key(decode_path(path), namespace)

    def last_version(self) -> int:
        """Read the version of the last commit."""
        with self._translated():
            (version,) = self._db.execute("SELECT version FROM clock").fetchone()
        return int(version)

    def write(self, version: int, written: Iterable[Record], deleted: Iterable[Key]) -> None:
        """Write one commit, whole or not at all."""
        rows = [
            (r.key.namespace, encode_path(r.key.path), encode_properties(r.properties(), r.signature.unindexed, r.version)) for r in written
        ]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO entities VALUES (?, ?, ?)", rows)
            db.executemany("DELETE FROM entities WHERE namespace = ? AND path = ?", [(k.namespace, encode_path(k.path)) for k in deleted])
            db.execute("UPDATE clock SET version = ?", (version,))

    def hold(self, keys: Iterable[Key]) -> None:
        """Write down keys whose ids must not be handed out."""
        with self._transaction() as db:
            db.executemany("INSERT OR IGNORE INTO held_ids VALUES (?, ?)", [(k.namespace, encode_path(k.path)) for k in keys])

    def reset(self, namespace: str, version: int) -> None:
        """Delete a namespace."""
        with self._transaction() as db:
            db.execute("DELETE FROM entities WHERE namespace = ?", (namespace,))
            db.execute("UPDATE clock SET version = ?", (version,))

    def close(self) -> None:
        """Close the file, and let other processes have it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """Leave the file to the parent of this forked process.

        SQLite would finish the file's journal when this copy of the connection is closed, under the eyes of the parent that writes to it;
        so it is never closed, not even at the end of the process.
        """
        if self._connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise OperationalError(f"The memory store's file {self.path} is closed.")
        return self._connection

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # held from the first write on; so it needs no shared memory, either
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN EXCLUSIVE")
        (known,) = db.execute("PRAGMA application_id").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if known == APPLICATION_ID:
            db.execute("COMMIT")
        elif tables or known:
            raise sqlite3.DatabaseError("it is an SQLite database of something else")
        else:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute("COMMIT")

    def _refusal(self, error: sqlite3.Error) -> OperationalError:
        if "locked" in str(error):
            return OperationalError(
                f"The memory store's file {self.path} is in use by another process, and only one can hold it. End that process, "
                "give this one another NAME, or use a store that is a server."
            )
        return OperationalError(f"The memory store's file {self.path} cannot be opened: {error}. Check the setting NAME.")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            db = self._db
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            message = f"The memory store's file {self.path} could not be read or written: {error}. Nothing was written."
            raise OperationalError(message) from error
