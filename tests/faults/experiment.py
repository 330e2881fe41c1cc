"""Does operations on a store that fails, and holds what they report against what is in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

from bank.models import Account, Customer
from django.db import IntegrityError, OperationalError, connection, connections

from kindstore.core.datamodel import ENTITY, Column, Entity, Query, Shape, Type
from kindstore.core.datamodel.errors import OutcomeUnknown
from kindstore.core.driver import Driver

from .faulty import Faults, FaultyDriver, Killed, Late
from .operations import CUSTOMERS, Operation
from .state import Change, Conflict, Row, Since, State, difference, duplicates, is_same, with_change

WHOLE = Shape((Column(ENTITY, Type.ENTITY),))


def observed(driver: Driver, namespace: str) -> State:
    """Return what the store holds."""
    owners: dict[int, set[int]] = {}
    for relation in _entities(driver, Account.owners.through._meta.db_table, namespace):
        account, customer = relation.properties["account_id"], relation.properties["customer_id"]
        assert customer not in owners.setdefault(account, set()), f"account {account} is related to customer {customer} twice"
        owners[account].add(customer)
    rows = {}
    for entity in _entities(driver, Account._meta.db_table, namespace):
        pk, values = entity.key.id_or_name, entity.properties
        rows[pk] = Row(values["name"], values["box"], values["visits"], values["balance"], frozenset(owners.get(pk, ())))
    return rows


def _entities(driver: Driver, kind: str, namespace: str) -> Iterator[Any]:
    for page in driver.run_query(Query(kind, namespace), WHOLE):
        for (entity,) in page.rows:
            assert isinstance(entity, Entity)
            yield entity


@dataclass
class Outcome:
    """What an operation reported: "done" with an answer, "conflict", "failed", or "unknown", which covers the death of the process."""

    kind: str
    answer: Any = None
    error: BaseException | None = None


class Untold(BaseException):
    """A commit was applied that its operation had been reported without."""


@dataclass
class Experiment:
    """One run on one namespace of one store."""

    driver: Driver
    faults: Faults
    state: State = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    reported: list[str] = field(default_factory=lambda: [""])
    landed: list[tuple[Late, Change]] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)  # the operations that were reported so: their commits may still land

    def __post_init__(self) -> None:
        self.namespace = connection.settings_dict["NAMESPACE"]
        self.faulty = FaultyDriver(self.driver, self.faults, self._land)
        connection.close()
        connection.kindstore.driver = self.faulty
        Customer.objects.bulk_create([Customer(pk=pk, name=str(pk)) for pk in CUSTOMERS])

    def end(self) -> None:
        """Let the connection have its driver back."""
        connection.close()
        connection.kindstore.driver = self.driver

    def run(self, operation: Operation) -> None:
        """Do one operation, and compare what it reported with what is in the store."""
        self.faults.operation += 1
        self.landed.clear()
        outcome = self._outcome(operation)
        self.outcomes[f"{operation.kind}: {outcome.kind}"] += 1
        self.reported.append(f"{operation} {outcome}")
        if outcome.kind == "unknown":
            self.unknown.add(self.faults.operation)
        found = observed(self.driver, self.namespace)
        foreign = [change for late, change in self.landed if late.sent_by != self.faults.operation]
        if duplicates(found) or not any(is_same(state, found) for state in self._possible(operation, outcome, foreign)):
            self._fail(operation, outcome, foreign, found)
        self.state = found

    def settle(self) -> None:
        """Let all that is on its way arrive."""
        self.faulty.land_all()
        self.state = observed(self.driver, self.namespace)
        assert not duplicates(self.state)

    def _land(self, late: Late, apply: Callable[[], None]) -> None:
        before = observed(self.driver, self.namespace)
        apply()
        change = difference(before, observed(self.driver, self.namespace))
        self.landed.append((late, change))
        if change and late.sent_by not in (self.faults.operation, *self.unknown):
            raise Untold(
                f"A commit of operation {late.sent_by} landed after it had been reported as {self.reported[late.sent_by]}: {change}."
            )

    def _outcome(self, operation: Operation) -> Outcome:
        self.faults.active = True
        try:
            answer = operation.perform()
        except IntegrityError as error:
            return Outcome("conflict", error=error)
        except OutcomeUnknown as error:
            return Outcome("unknown", error=error)
        except OperationalError as error:
            return Outcome("failed", error=error)
        except Killed as error:
            self._bury()
            return Outcome("unknown", error=error)
        finally:
            self.faults.active = False
        assert not connection.in_atomic_block
        return Outcome("done", answer)

    def _bury(self) -> None:
        """Do without the connection of a process that died."""
        with suppress(Killed):
            connection.close()
        del connections["default"]
        self.faulty.revive()

    def _possible(self, operation: Operation, outcome: Outcome, foreign: list[Change]) -> Iterator[State]:
        """Yield the states that an outcome allows, when late commits of earlier operations have landed meanwhile."""
        if outcome.kind in ("failed", "unknown"):
            yield _after(self.state, foreign)
        for read, written in combinations_with_replacement(range(len(foreign) + 1), 2):
            try:
                then, answer = operation.effect(Since(_after(self.state, foreign[:written]), _after(self.state, foreign[:read])))
            except Conflict:
                if outcome.kind == "conflict":
                    yield _after(self.state, foreign)
                continue
            if outcome.kind == "unknown" or (outcome.kind == "done" and answer == outcome.answer):
                yield _after(then, foreign[written:])

    def _fail(self, operation: Operation, outcome: Outcome, foreign: list[Change], found: State) -> None:
        expected = [dict(state) for state in self._possible(operation, outcome, foreign)]
        own = [dict(change) for late, change in self.landed if late.sent_by == self.faults.operation]
        raise AssertionError(
            f"Operation {self.faults.operation}, {operation}, reported {outcome.kind} ({outcome.answer!r}, {outcome.error!r}).\n"
            f"before: {dict(self.state)}\nexpected: {expected}\nfound: {dict(found)}\n"
            f"landed of earlier operations: {foreign}\nlanded of its own: {own}"
        ) from outcome.error


def _after(state: State, changes: list[Change]) -> State:
    for change in changes:
        state = with_change(state, change)
    return state
