"""Runs a program on the store and on the ledger at once, and compares each answer and each error."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, IntegrityError, NotSupportedError, OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from ledger.models import Entry

from kindstore.core.datamodel import ENTITY, Column, Entity, Query, Shape
from kindstore.plugins.constraints.uniques import MARKERS, uniques_of
from kindstore.plugins.transactions import CommitConflictError, TransactionFailedError, atomic, non_atomic

from .ledger import Ledger
from .operations import Operation, all_rows
from .programs import CHOSEN, Block, OnCommit, Savepoint, SetRollback, Step

MOST_ROWS = 6
ERRORS = (
    Entry.DoesNotExist,
    Entry.MultipleObjectsReturned,
    CommitConflictError,
    TransactionFailedError,
    TransactionManagementError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    DatabaseError,
    RuntimeError,
)
WHOLE = Shape((Column(ENTITY),))


savepoint = getattr(transaction, "savepoint_create", None) or transaction.savepoint  # as it is called since, and before, Django 6.1


class Undo(Exception):
    """Rolls a block back."""


def attempted(run: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return run(), None
    except ERRORS as error:
        return None, error


def sort_of(error: BaseException | None) -> type | None:
    return next((each for each in ERRORS if isinstance(error, each)), None)


class Machine:
    """The store and the ledger, empty at first. `in_test` runs a program in the transaction of a test, which stands for the store."""

    def __init__(self, *, in_test: bool = False) -> None:
        capabilities = connection.session.capabilities
        self.in_test, self.has_snapshots = in_test, capabilities.read_time
        self.ledger = Ledger(None if in_test else capabilities.entity_groups, guards_write=not capabilities.property_masks)
        self.drawn: list[int] = []
        self.savepoints: list[list[tuple[Any, int | None]]] = [[]]
        self.operations = 0
        self.called: list[int] = []
        self.registered = 0

    def run(self, program: tuple[Any, ...]) -> None:
        """Run a program, and compare what is stored afterwards."""
        for step in program:
            with suppress(*ERRORS, Undo):
                self._step(Block("django", (step,), "commit", propagates=True) if self.in_test else step)
        assert connection.in_atomic_block is self.in_test
        assert self.called == ([] if self.in_test else self.ledger.called)
        assert all_rows() == [self.ledger.committed[pk] for pk in sorted(self.ledger.committed)]
        self._compare_markers()

    def _key(self, ref: int) -> int:
        if ref < CHOSEN or not self.drawn:
            return ref % CHOSEN + 1
        return self.drawn[ref % len(self.drawn)]

    def _step(self, step: Any) -> None:
        """Run a step; raise what it raises."""
        if isinstance(step, Block):
            self._block(step)
            return
        if self.ledger.open is not None and self.ledger.open.is_torn:
            return
        match step:
            case Step():
                self._operate(step.make(self._key), step)
            case Savepoint():
                self._savepoint(step)
            case SetRollback() if self.ledger.open is not None:
                transaction.set_rollback(step.rollback)
                self.ledger.open.needs_rollback = step.rollback
            case OnCommit():
                self._on_commit()

    def _operate(self, operation: Operation, step: Step) -> None:
        if step.inserts and self.ledger.everywhere() >= MOST_ROWS:
            return
        self.operations += 1
        answer, error = attempted(operation.on_store)
        self.ledger.refused = isinstance(error, TransactionManagementError)
        expected, expected_error = attempted(lambda: operation.on_ledger(self.ledger, answer))
        assert sort_of(error) is sort_of(expected_error), (step, operation, error or answer, expected_error or expected)
        assert answer == expected, (step, operation, answer, expected)
        if error is not None:
            raise error
        rows = self.ledger.committed if self.ledger.open is None else self.ledger.open.rows
        self.drawn += [pk for pk in rows if pk > CHOSEN and pk not in self.drawn]

    def _savepoint(self, step: Savepoint) -> None:
        mine = self.savepoints[-1]
        if step.action == "save":
            sid, error = attempted(savepoint)
            name, expected = attempted(self.ledger.savepoint)
            if name is not None:
                mine.append((sid, name))
        elif mine:
            sid, name = mine[step.at % len(mine)]
            own = transaction.savepoint_rollback if step.action == "rollback" else transaction.savepoint_commit
            its = self.ledger.savepoint_rollback if step.action == "rollback" else self.ledger.savepoint_commit
            _, error = attempted(lambda: own(sid))
            _, expected = attempted(lambda: its(name))
        else:
            return
        self.operations += 1
        assert sort_of(error) is sort_of(expected), (step, error, expected)
        if error is not None:
            raise error

    def _on_commit(self) -> None:
        self.registered += 1
        token = self.registered
        transaction.on_commit(lambda: self.called.append(token))
        (self.ledger.called if self.ledger.open is None else self.ledger.open.callbacks).append(token)

    # Blocks

    def _block(self, block: Block) -> None:
        suspends = block.kind in ("independent", "non_atomic", "retried") and self._can_suspend()
        if suspends:
            self._pin()
            self.ledger.suspend()
        try:
            if block.kind == "retried" and self.ledger.open is None and not self.in_test:
                self._retried(block, suspends=suspends)
            else:
                self._entered(block, suspends=suspends)
        finally:
            if suspends:
                self.ledger.resume(tears=not self.has_snapshots)

    def _can_suspend(self) -> bool:
        """Tell whether what is open may be set aside: a serializable block would wait for itself, and that of a test is the store."""
        if self.in_test:
            return False
        opens = [self.ledger.open, *(each for each, _ in self.ledger.suspended)]
        return self.ledger.open is not None and not any(each is not None and each.serializable for each in opens)

    def _pin(self) -> None:
        """Have the open block read, if it has done anything: some operations read nothing, and only a read tells the moment."""
        if self.has_snapshots and self.ledger.open is not None and self.ledger.open.is_touched:
            broken, connection.needs_rollback = connection.needs_rollback, False
            Entry.objects.exists()
            connection.needs_rollback = broken

    def _entered(self, block: Block, *, suspends: bool) -> None:
        manager = self._manager(block, suspends=suspends)
        _, error = attempted(manager.__enter__)
        _, expected = attempted(lambda: self._enter(block, suspends=suspends))
        assert sort_of(error) is sort_of(expected), (block, error, expected)
        if error is not None:
            raise error
        self.savepoints.append([])
        failure: BaseException | None = None
        try:
            self._body(block)
        except BaseException as raised:
            failure = raised
        self.savepoints.pop()
        if failure is not None and not isinstance(failure, (*ERRORS, Undo)):
            with suppress(Exception):
                manager.__exit__(type(failure), failure, failure.__traceback__)
            raise failure
        self._leave(block, manager, failure, suspends=suspends)

    def _manager(self, block: Block, *, suspends: bool) -> Any:
        match block.kind:
            case "non_atomic" if suspends:
                return non_atomic()
            case "independent" if suspends:
                return atomic(savepoint=block.savepoint, durable=block.durable, independent=True)
            case "mandatory":
                return atomic(savepoint=block.savepoint, mandatory=True)
            case "serializable" if not self.in_test:
                return atomic(savepoint=block.savepoint, isolation="serializable", query_outside=True)
            case "read_only":
                return atomic(savepoint=block.savepoint, read_only=True)
            case "kindstore":
                return atomic(savepoint=block.savepoint, durable=block.durable)
        return transaction.atomic(savepoint=block.savepoint, durable=block.durable)

    def _enter(self, block: Block, *, suspends: bool) -> None:
        ledger = self.ledger
        if suspends and block.kind == "non_atomic":
            return
        if block.kind == "mandatory" and ledger.open is None:
            raise TransactionFailedError("mandatory")
        serializable = block.kind == "serializable" and not self.in_test
        durable = block.durable and block.kind not in ("mandatory", "read_only") and not serializable
        ledger.enter(savepoint=block.savepoint, durable=durable, serializable=serializable, read_only=block.kind == "read_only")

    def _body(self, block: Block) -> None:
        for step in block.body:
            try:
                self._step(step)
            except Undo:
                pass
            except ERRORS:
                if block.propagates:
                    raise
        if block.ending == "raise":
            raise Undo
        if block.ending == "set_rollback" and self.ledger.open is not None:
            transaction.set_rollback(True)
            self.ledger.open.needs_rollback = True

    def _leave(self, block: Block, manager: Any, failure: BaseException | None, *, suspends: bool) -> None:
        kind, trace = (None, None) if failure is None else (type(failure), failure.__traceback__)
        _, error = attempted(lambda: manager.__exit__(kind, failure, trace))
        if not (suspends and block.kind == "non_atomic"):
            self._compare_exit(block, failure, error)
        if failure or error:
            raise failure or error  # type: ignore[misc]

    def _compare_exit(self, block: Block, failure: BaseException | None, error: Exception | None) -> None:
        outcomes = self.ledger.exit(failed=failure is not None)
        assert sort_of(error) in outcomes, (block, error, outcomes)
        if error is None and outcomes != {None}:
            self.ledger.settle()

    def _retried(self, block: Block, *, suspends: bool) -> None:
        """Run a block as a function that is called again once if its commit fails because of somebody else's."""
        commits = False  # whether the function has returned, and what its commit does is not yet known

        def function() -> None:
            nonlocal commits
            if commits:
                outcomes = self.ledger.exit(failed=False)
                assert outcomes != {None}, (block, "is run again")
            commits = False
            self.ledger.enter()
            self.savepoints.append([])
            try:
                self._body(block)
            except (*ERRORS, Undo):
                self.ledger.exit(failed=True)
                raise
            finally:
                self.savepoints.pop()
            commits = True

        failure: Exception | None = None
        try:
            atomic(independent=suspends, retries=1)(function)()
        except (*ERRORS, Undo) as error:
            failure = error
        if commits:
            self._compare_exit(block, None, failure)
        if failure is not None:
            raise failure

    # What is stored

    def _compare_markers(self) -> None:
        """The markers in the store are those that the rows have, each with the row as its owner."""
        uniques = uniques_of(Entry, connection)
        claims = uniques.claims(self._entities(uniques.mapping.kind))
        entities = self._entities(uniques.mapping.kind)
        wanted = {key: entity.key for entity, keys in zip(entities, claims, strict=True) for key in keys}
        assert {marker.key: marker.properties["owner"] for marker in self._entities(MARKERS)} == wanted
        assert len(wanted) == sum(len(row.claims) for row in self.ledger.committed.values())

    def _entities(self, kind: str) -> list[Entity]:
        session = connection.session
        return [row[0] for page in session.run_query(Query(kind, session.namespace()), WHOLE) for row in page.rows]
