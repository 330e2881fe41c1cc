"""A ledger in plain Python: what the rows, unique values and transactions of a program must do, with Django's rules for blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import DatabaseError, IntegrityError, NotSupportedError, OperationalError
from django.db.transaction import TransactionManagementError

from kindstore.plugins.transactions import CommitConflictError, TransactionFailedError

FIELDS = ("n", "name", "bank", "number", "slot", "active")


class Row(NamedTuple):
    pk: int
    n: int = 0
    name: str | None = None
    bank: int | None = None
    number: int = 0
    slot: int = 0
    active: bool = False

    @property
    def claims(self) -> set[tuple[Any, ...]]:
        """The values that no other row may have."""
        claims: set[tuple[Any, ...]] = set()
        if self.name is not None:
            claims.add(("name", self.name))
        if self.bank is not None:
            claims.add(("bank", self.bank, self.number))
        if self.active:
            claims.add(("slot", self.slot))
        return claims


Rows = dict[int, Row]


class State(NamedTuple):
    """What a savepoint goes back to; `rows` is None before the first read."""

    rows: Rows | None
    written: set[int]


class Nested(NamedTuple):
    """A nested block: its savepoint, if it has one, how many callbacks there were at its begin, and whether writing was refused then."""

    saved: State | None
    callbacks: int
    was_read_only: bool


@dataclass
class Open:
    """An open transaction. Its snapshot is taken by the first operation in it."""

    serializable: bool = False
    read_only: bool = False
    snapshot: Rows | None = None
    since: int = 0
    rows: Rows = field(default_factory=dict)
    written: set[int] = field(default_factory=set)
    locked: set[int] = field(default_factory=set)
    perhaps_locked: set[int] = field(default_factory=set)
    drawn: set[int] = field(default_factory=set)  # the rows to which the store gave their ids
    needs_rollback: bool = False
    is_torn: bool = False
    nested: list[Nested] = field(default_factory=list)
    savepoints: dict[int, State] = field(default_factory=dict)  # those of the program, oldest first
    callbacks: list[int] = field(default_factory=list)

    @property
    def is_touched(self) -> bool:
        return self.snapshot is not None

    def state(self) -> State:
        return State(dict(self.rows) if self.is_touched else None, set(self.written))

    def go_back(self, state: State) -> None:
        rows = self.snapshot if state.rows is None else state.rows
        self.rows, self.written = dict(rows or {}), set(state.written)


class Ledger:
    """The committed rows, the transaction that is open, and those that are set aside for an independent or non_atomic block."""

    def __init__(self, most_groups: int | None = None, *, guards_write: bool = False) -> None:
        """Begin empty. `guards_write` tells that the store can guard a locked row only by writing it as it was."""
        self.committed: Rows = {}
        self.changed_at: dict[int, int] = {}
        self.clock = 0
        self.open: Open | None = None
        self.suspended: list[tuple[Open | None, int]] = []
        self.called: list[int] = []
        self.most_groups, self.guards_write = most_groups, guards_write
        self.names = 0
        self.refused = False  # whether the store refused the statement as it cannot run in its block: it need not find out that it is empty

    # Reading and writing

    @property
    def rows(self) -> Rows:
        """The rows that a statement sees."""
        if self.open is None:
            return self.committed
        if not self.open.is_touched:
            self.open.snapshot, self.open.rows, self.open.since = dict(self.committed), dict(self.committed), self.clock
        return self.open.rows

    def everywhere(self) -> int:
        """Return how many rows there are in all, those of the suspended blocks too."""
        opens = [self.open, *(each for each, _ in self.suspended)]
        return len(set(self.committed).union(*(each.rows for each in opens if each is not None)))

    def check_usable(self) -> None:
        """Refuse every statement of a block that is to be rolled back."""
        if self.open is not None and self.open.needs_rollback:
            raise TransactionManagementError("broken")

    def read(self) -> Rows:
        self.check_usable()
        return self.rows

    def write(self, changes: Mapping[int, Row | None], inserted: Collection[int] = ()) -> None:
        """Run one statement: all of it or nothing. Values are unique among the rows as they are after it."""
        self.check_usable()
        rows = self.rows
        if not changes:
            if self.open is not None and self.open.read_only and self.refused:
                raise TransactionManagementError("read-only")
            return
        _refuse_shared(row for row in changes.values() if row is not None)
        if self.open is not None and self.open.read_only:
            raise TransactionManagementError("read-only")
        after = {**rows, **changes}
        if any(pk in rows for pk in inserted):
            raise IntegrityError("primary key")
        _refuse_shared(row for row in after.values() if row is not None)
        self._apply(changes)

    def _apply(self, changes: Mapping[int, Row | None]) -> None:
        if not changes:
            return
        target = self.rows
        for pk, row in changes.items():
            if row is None:
                target.pop(pk, None)
            else:
                target[pk] = row
        if self.open is None:
            self.clock += 1
            self.changed_at.update(dict.fromkeys(changes, self.clock))
        else:
            assert self.open.snapshot is not None
            self.open.written |= set(changes)
            self.open.written -= {pk for pk in changes if pk not in self.open.snapshot and pk not in target}

    def draw(self, pks: Collection[int]) -> None:
        if self.open is not None:
            self.open.drawn |= set(pks)

    def lock(self, pks: Collection[int], named: Collection[int] = ()) -> None:
        """Lock rows; those that are `named` by their keys may be locked even if the rest of the condition does not hold."""
        assert self.open is not None
        assert self.open.snapshot is not None
        self.open.locked |= set(pks) & set(self.open.snapshot)
        self.open.perhaps_locked |= set(named) & set(self.open.snapshot)

    # Django's rules for blocks

    @contextmanager
    def marking(self) -> Iterator[None]:
        """Break the block by an error, as the calls of the ORM do that write."""
        try:
            yield
        except Exception:
            if self.open is not None:
                self.open.needs_rollback = True
            raise

    @contextmanager
    def atomic(self, *, savepoint: bool = True) -> Iterator[None]:
        """Surround what the ORM itself surrounds."""
        self.enter(savepoint=savepoint)
        try:
            yield
        except Exception:
            self.exit(failed=True)
            raise
        assert self.exit(failed=False) == {None}

    def enter(self, *, savepoint: bool = True, durable: bool = False, serializable: bool = False, read_only: bool = False) -> None:
        """Enter a block."""
        if self.open is None:
            self.open = Open(serializable, read_only)
            return
        if serializable and not self.open.serializable:
            raise TransactionManagementError("joins another isolation")
        if durable:
            raise RuntimeError("durable")
        saves = savepoint and not self.open.needs_rollback
        self.open.nested.append(Nested(self.open.state() if saves else None, len(self.open.callbacks), self.open.read_only))
        self.open.read_only = self.open.read_only or read_only

    def exit(self, *, failed: bool) -> set[type[Exception] | None]:
        """Leave a block, and return what that may raise; None stands for no error. Where there is a choice `settle` is told of it."""
        current = self.open
        assert current is not None
        rolls_back, current.needs_rollback = failed or current.needs_rollback, False
        if not current.nested:
            self.open = None
            return {None} if rolls_back else self._commit(current)
        block = current.nested.pop()
        current.read_only = block.was_read_only
        if rolls_back and block.saved is None:
            current.needs_rollback = True
        elif rolls_back and block.saved is not None:
            current.go_back(block.saved)
            del current.callbacks[block.callbacks :]
        return {None}

    def _commit(self, done: Open) -> set[type[Exception] | None]:
        outcomes = self._outcomes(done)
        self.finished = done
        if outcomes == {None}:
            self.settle()
        return outcomes

    def settle(self) -> None:
        """Apply what the transaction that has just ended has written."""
        done = self.finished
        guarded = [pk for pk in done.locked | done.perhaps_locked if pk in self.committed and pk not in done.written]
        if self.guards_write:
            self._apply({pk: self.committed[pk] for pk in guarded})
        self._apply({pk: done.rows.get(pk) for pk in done.written})
        self.called += done.callbacks

    def _outcomes(self, done: Open) -> set[type[Exception] | None]:
        """Return what a commit may end with. Nobody can tell whether a change that changed nothing counts as one."""
        snapshot = done.snapshot or {}
        since = {pk for pk in snapshot if self.changed_at.get(pk, 0) > done.since}
        changed = since & (done.written | done.locked)
        outcomes: set[type[Exception] | None] = {TransactionFailedError} if changed or since & done.perhaps_locked else set()
        taken = {pk for pk in done.written if pk in self.committed and pk not in snapshot}
        if taken - done.drawn or self._claims_taken(done, snapshot):
            outcomes.add(CommitConflictError)
        if taken & done.drawn:  # which cannot be, but in a program that writes to rows that it has not committed
            outcomes |= {CommitConflictError, TransactionFailedError}
        if CommitConflictError not in outcomes and all(self.committed.get(pk) == snapshot[pk] for pk in changed):
            outcomes.add(None)
        if self.most_groups is not None and self._groups(done, snapshot) > self.most_groups:
            outcomes.add(NotSupportedError)
        return outcomes

    def _claims_taken(self, done: Open, snapshot: Rows) -> bool:
        """Tell whether somebody else has taken a value meanwhile."""
        others = [row for pk, row in self.committed.items() if pk not in done.written or row != snapshot.get(pk)]
        taken = {(claim, row.pk) for row in others for claim in row.claims}
        claimed = {(claim, pk) for pk in done.written if pk in done.rows for claim in done.rows[pk].claims}
        return any(claim == its and pk != owner for claim, pk in claimed for its, owner in taken)

    def _groups(self, done: Open, snapshot: Rows) -> int:
        """Return how many entities the commit writes at most."""
        rows = [each[pk] for pk in done.written for each in (snapshot, done.rows) if pk in each]
        return len(done.written | done.locked) + sum(len(row.claims) for row in rows)

    def suspend(self) -> None:
        """Set the open block aside."""
        self.suspended.append((self.open, self.clock))
        self.open = None

    def resume(self, *, tears: bool) -> None:
        """Go back into it; `tears` tells that its reads are no longer of one moment."""
        self.open, clock = self.suspended.pop()
        if tears and self.open is not None and self.open.is_touched and self.clock > clock:
            self.open.is_torn = True

    # Savepoints of the program's own

    def savepoint(self) -> int | None:
        """Return the name of a savepoint; None outside of blocks."""
        self.check_usable()
        if self.open is None:
            return None
        self.names += 1
        self.open.savepoints[self.names] = self.open.state()
        return self.names

    def savepoint_rollback(self, name: int | None) -> None:
        self.check_usable()
        if name is None or self.open is None:
            return
        self.open.go_back(self._savepoint(name))
        for later in [each for each in self.open.savepoints if each > name]:
            del self.open.savepoints[later]

    def savepoint_commit(self, name: int | None) -> None:
        self.check_usable()
        if name is None or self.open is None:
            return
        self._savepoint(name)
        for later in [each for each in self.open.savepoints if each >= name]:
            del self.open.savepoints[later]

    def _savepoint(self, name: int) -> State:
        assert self.open is not None
        if name not in self.open.savepoints:
            raise OperationalError("no such savepoint")
        return self.open.savepoints[name]


def _refuse_shared(rows: Iterator[Row]) -> None:
    seen: set[tuple[Any, ...]] = set()
    for row in rows:
        if not seen.isdisjoint(row.claims):
            raise IntegrityError("unique")
        seen |= row.claims


def no_rows_saved() -> DatabaseError:
    return DatabaseError("Save with update_fields did not affect any rows.")
