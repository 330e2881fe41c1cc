"""A driver around a driver that fails as networks and stores do, at random from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from threading import Lock
from typing import Any

from django.db.utils import DatabaseError

from kindstore.core.datamodel import Aggregation, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from kindstore.core.datamodel.errors import Contention, OutcomeUnknown, Unavailable
from kindstore.core.driver import LATEST, Driver, Observe, ReadOptions, unobserved

# What can become of a commit, and of any other RPC.
OF_COMMITS = (
    "aborted",
    "unavailable",
    "unanswered: not applied",
    "unanswered: applied",
    "unanswered: applied late",
    "killed before",
    "killed after",
)
OF_READS = ("unavailable", "killed before", "killed after")
OF_TRANSACTIONS = (*OF_READS, "aborted")
ALL = tuple(dict.fromkeys((*OF_COMMITS, *OF_READS)))
LATEST_ARRIVAL = 8  # RPCs that may overtake a commit that is applied late


class Killed(BaseException):
    """The process died; nothing that it would still do reaches the store."""


@dataclass(slots=True)
class Late:
    """A commit on its way, which nobody waits for any more. `sent_by` is the operation that sent it."""

    mutations: Sequence[Mutation]
    transaction: bytes | None
    sent_by: int
    overtaken_by: int  # RPCs to come


@dataclass(slots=True)
class Faults:
    """When to fail, and what was done. The first two probabilities are those of a fault in one RPC; a storm is a run of one fault."""

    random: Random
    of_commits: float = 0.25
    of_reads: float = 0.04
    storm: float = 0.02  # the probability that a fault is the first of many
    kills: bool = True
    active: bool = False
    dead: bool = False
    operation: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rpcs: int = 0
    _storm: tuple[str, int] = ("", 0)
    _lock: Any = field(default_factory=Lock)

    def draw(self, kinds: Sequence[str]) -> str:
        """Return what happens to an RPC, "" for nothing."""
        with self._lock:
            return self._draw(kinds) if self.active else ""

    def _draw(self, kinds: Sequence[str]) -> str:
        self.rpcs += 1
        fault, left = self._storm
        if left and fault in kinds:
            self._storm = fault, left - 1
        elif self.random.random() < (self.of_commits if kinds is OF_COMMITS else self.of_reads):
            fault = self.random.choice([kind for kind in kinds if self.kills or not kind.startswith("killed")])
            if fault in ("aborted", "unavailable") and self.random.random() < self.storm:
                self._storm = fault, 15
        else:
            return ""
        self.counts[fault] += 1
        return fault


class FaultyDriver:
    """A driver whose RPCs fail."""

    def __init__(self, driver: Driver, faults: Faults, landed: Callable[[Late, Callable[[], None]], None]) -> None:
        """`landed` is called with a late commit and with what applies it."""
        self.driver, self.faults, self._landed = driver, faults, landed
        self.capabilities, self.identity, self.is_production = driver.capabilities, driver.identity, driver.is_production
        self._late: list[Late] = []
        self._arriving = Lock()
        self._open: set[bytes] = set()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let RPCs pass for a while."""
        self.faults.active, active = False, self.faults.active
        try:
            yield
        finally:
            self.faults.active = active

    def revive(self) -> None:
        """Start another process. The store gives up what the dead one had open, as it does by itself after a minute."""
        self.faults.dead = False
        for transaction in tuple(self._open):
            self._end(transaction)

    def _end(self, transaction: bytes) -> None:
        """End a transaction in the store, whether it has ended by a commit or not."""
        self._open.discard(transaction)
        with suppress(DatabaseError):
            self.driver.rollback(transaction)

    def land_all(self) -> None:
        """Let all that is on its way arrive."""
        late, self._late = self._late, []
        for each in late:
            self._land(each)

    def lookup(
        self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> list[Row | None]:
        with self._rpc("Lookup", options.transaction):
            return self.driver.lookup(keys, shape, options, observe=observe)

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved) -> Iterator[Page]:
        pages = iter(self.driver.run_query(query, shape, options, observe=observe))
        while True:
            with self._rpc("RunQuery", options.transaction):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> tuple[Value, ...]:
        with self._rpc("RunAggregationQuery", options.transaction):
            return self.driver.aggregate(query, aggregations, options, observe=observe)

    def commit(
        self, mutations: Sequence[Mutation], transaction: bytes | None = None, *, observe: Observe = unobserved
    ) -> list[MutationResult]:
        self._arrive()
        fault = self.faults.draw(OF_COMMITS)
        if fault == "aborted" and transaction is not None:
            self._end(transaction)
        match fault:
            case "aborted":
                raise Contention("The store gave the commit up in favour of another (injected).")
            case "unavailable":
                raise Unavailable("The store cannot be reached (injected).")
            case "killed before":
                self._die()
            case "unanswered: not applied":
                raise OutcomeUnknown("The store gave no answer (injected, not applied).")
            case "unanswered: applied late":
                self._late.append(Late(mutations, transaction, self.faults.operation, self.faults.random.randint(1, LATEST_ARRIVAL)))
                raise OutcomeUnknown("The store gave no answer (injected, applied late).")
            case "unanswered: applied" | "killed after":
                with suppress(DatabaseError):
                    self.driver.commit(mutations, transaction, observe=observe)
                if fault == "killed after":
                    self._die()
                raise OutcomeUnknown("The store gave no answer (injected, applied).")
        return self.driver.commit(mutations, transaction, observe=observe)

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None, observe: Observe = unobserved) -> bytes:
        with self._rpc("BeginTransaction", None):
            transaction = self.driver.begin(read_only=read_only, read_time=read_time, observe=observe)
            self._open.add(transaction)
        return transaction

    def rollback(self, transaction: bytes, *, observe: Observe = unobserved) -> None:
        with self._rpc("Rollback", None):
            self.driver.rollback(transaction, observe=observe)
            self._open.discard(transaction)

    def allocate_ids(self, parent: Key | None, kind: str, count: int, namespace: str = "", *, observe: Observe = unobserved) -> list[Key]:
        with self._rpc("AllocateIds", None):
            return self.driver.allocate_ids(parent, kind, count, namespace, observe=observe)

    def reserve_ids(self, keys: Sequence[Key], *, observe: Observe = unobserved) -> None:
        with self._rpc("ReserveIds", None):
            self.driver.reserve_ids(keys, observe=observe)

    def reset(self, namespace: str) -> None:
        self.driver.reset(namespace)

    def close(self) -> None:
        self.driver.close()

    @contextmanager
    def _rpc(self, method: str, transaction: bytes | None) -> Iterator[None]:
        self._arrive()
        fault = self.faults.draw(OF_READS if transaction is None else OF_TRANSACTIONS)
        match fault:
            case "aborted":
                raise Contention(f"{method}: the store gave the transaction up in favour of another (injected).")
            case "unavailable":
                raise Unavailable(f"{method}: the store cannot be reached (injected).")
            case "killed before":
                self._die()
        yield
        if fault == "killed after":
            self._die()

    def _die(self) -> None:
        self.faults.dead = True
        raise Killed

    def _arrive(self) -> None:
        """Let late commits arrive that this RPC does not overtake."""
        if self.faults.dead:
            raise Killed
        if not self.faults.active:
            return
        with self._arriving:
            for late in self._late:
                late.overtaken_by -= 1
            due = [late for late in self._late if late.overtaken_by <= 0]
            for late in due:
                self._late.remove(late)
        for late in due:
            self._land(late)

    def _land(self, late: Late) -> None:
        def apply() -> None:
            with suppress(DatabaseError):
                self.driver.commit(late.mutations, late.transaction)

        self._landed(late, apply)
