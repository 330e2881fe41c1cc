"""What the objects do that plugins hand over; `core.hookspecs` says when each is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from django.db.models import CheckConstraint, Model, UniqueConstraint

    from .datamodel import Aggregation, Entity, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
    from .driver import RPC, Intent, ReadOptions
    from .planner.predicate import Predicate
    from .session.changes import Batch, Change, Statement, Unit
    from .session.session import Session
    from .uniqueness import Action, Audit, Position, UniqueValues


class Step(Protocol):
    """Adds to a batch of changes: derived properties, derived entities, guards; or refuses it with an IntegrityError.

    `needs_before` asks for the rows as they were, `needs_after` for the rows as they will be, whole. Where no step of a model needs
    the rows as they were, a write may do without a read. A step may have an attribute `columns`, the frozenset of the names of those that
    concern it: an update that sets none of them passes it by. Or it may have a method `narrowed`, which takes the columns that an update
    sets (`core.session.changes.Assigned`) and returns the step for that, which may need less, or None. And it may have an attribute
    `at_commit`, a step for what it leaves out inside a transaction (`batch.session.defers`): it is called at the end, with all of the
    transaction's changes to the model at once.
    """

    needs_before: bool
    needs_after: bool

    def __call__(self, batch: Batch) -> None: ...


class PredicateRewriter(Protocol):
    """Answers a predicate that the store cannot with one that it can, or returns None. The answer says whether it is exact."""

    def __call__(self, predicate: Predicate) -> Predicate | None: ...


Lookup = Callable[[Sequence["Key"], "Shape", "ReadOptions"], "list[Row | None]"]
ReadLayer = Callable[[Lookup], Lookup]  # called once, with the next lookup; returns the closure that surrounds it
Commit = Callable[[Sequence["Mutation"], "bytes | None"], "list[MutationResult]"]
CommitLayer = Callable[[Commit], Commit]  # called once, with the next commit; returns the closure that surrounds it


class Transaction(Protocol):
    """Stands between a session and the store while it is open: reads see what it has written, and its writes wait for the commit.

    It raises what the store would: AlreadyExists, NotFound and VersionConflict at the statement, as far as they can be known by then.
    """

    def lookup(self, keys: Sequence[Key], shape: Shape, options: ReadOptions) -> list[Row | None]: ...

    def run_query(self, query: Query, shape: Shape, options: ReadOptions) -> Iterator[Page]: ...

    def aggregate(self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions) -> tuple[Value, ...]: ...

    def write(self, unit: Unit, mutations: Sequence[Mutation]) -> list[MutationResult]: ...

    @property
    def defers(self) -> bool:
        """Whether it ends with a commit, at which steps do what they deferred; not that of a test, which stands for the store."""
        ...

    def written(self) -> Iterable[Key]:
        """Return the keys of the entities that it has written, and not deleted again."""
        ...

    def perform(self, statement: Statement) -> Any:
        """Run a statement that writes, and return its result; it may be run again before the commit."""
        ...

    def enter_namespace(self, namespace: str) -> None:
        """Refuse a namespace that is not the transaction's."""
        ...


class TransactionManager(Protocol):
    """Begins, commits and rolls back the transaction of one connection, with savepoints. It sets the session's `transaction`."""

    def begin(self, connection: Any) -> None: ...

    def commit(self, connection: Any) -> None: ...

    def rollback(self, connection: Any) -> None: ...

    def savepoint(self, connection: Any, name: str) -> None: ...

    def savepoint_rollback(self, connection: Any, name: str) -> None: ...

    def savepoint_commit(self, connection: Any, name: str) -> None: ...

    def end(self, connection: Any) -> None:
        """Go back to autocommit; refuse it where something was written and neither committed nor rolled back."""
        ...

    def close(self) -> None:
        """Roll back whatever is open: the connection is closed."""
        ...


class UniqueKeeper(Protocol):
    """Keeps values unique: knows which row has them."""

    def owners(self, session: Session, model: type[Model], changes: Sequence[Change], columns: Collection[str] | None) -> list[Key | None]:
        """Return for each insert the key of the stored row that has the same unique values, None where there is none.

        `columns` are those of one unique constraint, None stands for all constraints of the model.
        """
        ...

    def uniques(self, connection: Any, model: type[Model]) -> Sequence[UniqueValues]:
        """Return the constraints of a model's table that are kept; none of a model that opts out."""
        ...

    def unique(self, connection: Any, model: type[Model], constraint: UniqueConstraint) -> UniqueValues | None:
        """Return what a constraint is that a model has, had or is to have; None for its primary key."""
        ...

    def build(self, connection: Any, model: type[Model], identities: Collection[str], position: Position) -> None:
        """Make the rows that there are own their values by some constraints; raise IntegrityError that lists those of several rows."""
        ...

    def drop(self, connection: Any, table: str, identities: Collection[str] | None = None) -> None:
        """Forget who has the values of some constraints of a table, or of all."""
        ...

    def forget(self, connection: Any, table: str) -> None:
        """Forget what this process has made of the constraints of a table by `build` and `drop`: it is gone, or a new one."""
        ...

    def audit(self, connection: Any, model: type[Model], action: Action, *, restart: bool) -> Iterator[Audit]:
        """Compare the rows of a model with what is kept of them; yield how far this has come, and keep that for an interrupted run."""
        ...

    def audit_strays(self, connection: Any, tables: Collection[str], action: Action) -> Iterator[Audit]:
        """Look for what is kept of rows that are gone, in tables that are not among these."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement of raw SQL gave: the rows, and what the DB-API's cursor says of them."""

    rows: Sequence[tuple[Any, ...]] = ()
    description: tuple[tuple[Any, ...], ...] | None = None
    rowcount: int = -1
    lastrowid: Any = None


class CheckKeeper(Protocol):
    """Keeps rows to the check constraints of their models, and to what their columns may hold."""

    def breaking(
        self, connection: Any, model: type[Model], entities: Sequence[Entity], constraint: CheckConstraint | None = None, column: str = ""
    ) -> list[Entity]:
        """Return the rows that break a constraint that their model is to have, or what a column of it may hold; none if it opts out."""
        ...

    def added(self, connection: Any, model: type[Model], constraint: CheckConstraint) -> None:
        """Check the rows of a table by a constraint from now on, by whichever model this process writes them."""
        ...

    def removed(self, connection: Any, model: type[Model], constraint: CheckConstraint) -> None:
        """Check the rows of a table by a constraint no more."""
        ...

    def forget(self, connection: Any, table: str) -> None:
        """Forget what was `added` to a table and `removed` from it: it is gone, or a new one."""
        ...


class ResidualEngine(Protocol):
    """Executes what the planner cannot answer natively.

    `compiler` returns an SQL compiler of Django's for a query, which reads from the store what it needs when it is executed, and with the
    intent "lock" locks what it reads of the query's model.
    """

    def compiler(
        self, query: Any, connection: Any, using: str | None, *, elide_empty: bool = True, reason: str = "", intent: Intent = "read"
    ) -> Any: ...

    def evaluate(
        self, connection: Any, model: type[Model], rows: Sequence[Row], expressions: dict[Any, Any], *, declared: bool = False
    ) -> list[tuple[Any, ...]]:
        """Compute expressions for rows (in the order of the model's concrete fields): for each row a tuple of neutral values.

        `declared` tells that they belong to a model, and are the same objects each time.
        """
        ...

    def compute(
        self, connection: Any, model: type[Model], rows: Sequence[Row], expressions: Sequence[Any], *, declared: bool = False
    ) -> list[tuple[Any, ...]]:
        """Compute expressions for rows, as `evaluate` does: for each row a tuple of SQL's own values, which SQL would compare."""
        ...

    def execute(self, connection: Any, sql: str, params: Sequence[Any] | Mapping[str, Any] | None) -> Result:
        """Run a statement of SQL in Django's format, which reads or writes rows of the store."""
        ...


class Observer(Protocol):
    """Is told what happens on an alias. It must be quick, thread-safe, and not raise."""

    def rpc(self, alias: str, rpc: RPC) -> None:
        """An RPC ended."""

    def emulated(self, alias: str, description: str, rows: int) -> None:
        """The residual engine answered a query after fetching `rows` rows."""
