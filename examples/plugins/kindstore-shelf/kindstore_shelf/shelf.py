"""The entities of one file, and what happens to them."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from kindstore.core.datamodel import Entity, Key, Mutation, Value, Verb
from kindstore.core.datamodel.errors import AlreadyExists, Contention, InvalidRequest, NotFound, VersionConflict

from .journal import Changes, Journal

EVERYTHING = ""  # stands for all kinds


class Transaction:
    """A snapshot, and the keys and kinds that were read from it."""

    def __init__(self, entities: dict[Key, Entity], version: int, *, read_only: bool) -> None:
        self.entities, self.version, self.read_only = entities, version, read_only
        self.read: set[Key | str] = set()


class Shelf:
    """A store; every driver of this process that names the same file shares it."""

    def __init__(self, name: str) -> None:
        self.lock = threading.RLock()
        self.entities: dict[Key, Entity] = {}
        self.transactions: dict[bytes, Transaction] = {}
        self.version = 0
        self.used_ids: set[int | str] = set()
        self._changed: dict[Key | str, int] = {}  # the version in which a key, or an entity of a kind, last changed
        self._journal = None if name == ":memory:" else Journal(Path(name))
        for changes in self._journal or ():
            self._apply(changes)

    def begin(self, *, read_only: bool) -> bytes:
        """Open a transaction on a snapshot."""
        name = uuid.uuid4().bytes
        with self.lock:
            self.transactions[name] = Transaction(dict(self.entities), self.version, read_only=read_only)
        return name

    def get(self, keys: Sequence[Key], transaction: bytes | None) -> list[Entity | None]:
        """Return entities by key, and remember what was read in a transaction."""
        with self.lock:
            entities = self._visible(transaction, keys)
            return [entities.get(key) for key in keys]

    def all(self, kind: str | None, transaction: bytes | None) -> list[Entity]:
        """Return the entities of a kind, or all, and remember what was read in a transaction."""
        with self.lock:
            entities = self._visible(transaction, [EVERYTHING if kind is None else kind])
            return [entity for key, entity in entities.items() if kind in (None, key.kind)]

    def commit(self, mutations: Sequence[Mutation], transaction: bytes | None) -> int:
        """Apply all mutations or none, and return the new version."""
        with self.lock:
            if transaction is not None:
                self._check_conflicts(transaction)
            for mutation in mutations:
                check_precondition(mutation, self.entities.get(mutation.key))
            changes = {each.key: _written(each, self.version + 1) for each in mutations}
            if self._journal is not None:
                self._journal.append(changes)
            self._apply(changes)
            return self.version

    def new_ids(self, count: int) -> list[int]:
        """Return ids that were never used, in any kind."""
        new: list[int] = []
        with self.lock:
            while len(new) < count:
                number = random.randrange(1, 2**52)
                if number not in self.used_ids:
                    self.used_ids.add(number)
                    new.append(number)
        return new

    def _apply(self, changes: Changes) -> None:
        self.version += 1
        for key, entity in changes.items():
            self.used_ids.add(key.id_or_name)
            self._changed[key] = self._changed[key.kind] = self._changed[EVERYTHING] = self.version
            if entity is None:
                self.entities.pop(key, None)
            else:
                self.entities[key] = entity

    def _check_conflicts(self, name: bytes) -> None:
        transaction = self._open(name)
        if transaction.read_only:
            raise InvalidRequest("The transaction is read-only. Begin another to write.")
        del self.transactions[name]
        changed = [what for what in transaction.read if self._changed.get(what, 0) > transaction.version]
        if changed:
            raise Contention(f"{changed[0]} changed since the transaction read it. Nothing was written; try again.")

    def _visible(self, transaction: bytes | None, reads: Iterable[Key | str]) -> dict[Key, Entity]:
        if transaction is None:
            return self.entities
        opened = self._open(transaction)
        opened.read.update(reads)
        return opened.entities

    def _open(self, name: bytes) -> Transaction:
        if name not in self.transactions:
            raise InvalidRequest("The transaction has ended, or was never begun. Begin another.")
        return self.transactions[name]


def check_precondition(mutation: Mutation, stored: Entity | None) -> None:
    """Raise where the stored entity is not as a mutation demands."""
    key, version = mutation.key, stored.version if stored else 0
    if mutation.verb is Verb.INSERT and stored is not None:
        raise AlreadyExists(f"Entity {key} already exists, so it cannot be inserted.", key)
    if mutation.verb is Verb.UPDATE and stored is None:
        raise NotFound(f"Entity {key} does not exist, so it cannot be updated.", key)
    if mutation.base_version not in (None, version):
        raise VersionConflict(f"Entity {key} has version {version}, not {mutation.base_version}. Read it again.")


def _written(mutation: Mutation, version: int) -> Entity | None:
    entity = mutation.entity
    if mutation.verb is Verb.DELETE or entity is None:
        return None
    properties = {name: _kept(value) for name, value in entity.properties.items()}
    return Entity(mutation.key, properties, entity.unindexed, version)


def _kept(value: Value) -> Value:
    """Return a value in the form in which it is read: moments are in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return tuple(map(_kept, value)) if isinstance(value, tuple) else value
