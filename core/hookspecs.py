"""What a plugin can do, hook by hook.

A plugin is a class that is made once for each alias, with the options of `OPTIONS[<its name>]` as keyword arguments. Its methods that are
marked with `hookimpl` and named as below hand an object over, or None for "nothing to do". The objects work on batches and are called
without pluggy. Hooks are called in the order of the setting `PLUGINS`, the outermost plugin first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .plugins import hookspec

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
    from django.db.models import Model

    from .datamodel import Key, Mutation, MutationResult, Row, Shape
    from .driver import RPC, Driver, ReadOptions
    from .planner.predicate import Predicate
    from .session.changes import Batch
    from .settings import AliasSettings


class Step(Protocol):
    """Adds to a batch of changes: derived properties, derived entities, guards; or refuses it with an IntegrityError.

    `needs_before` asks for the rows as they were, `needs_after` for the rows as they will be, whole. Where no step of a model needs
    the rows as they were, a write may do without a read.
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


class TransactionManager(Protocol):
    """Begins, commits and rolls back the transaction of one connection, with savepoints."""

    def begin(self, connection: Any) -> None: ...

    def commit(self, connection: Any) -> None: ...

    def rollback(self, connection: Any) -> None: ...

    def savepoint(self, connection: Any, name: str) -> None: ...

    def savepoint_rollback(self, connection: Any, name: str) -> None: ...

    def savepoint_commit(self, connection: Any, name: str) -> None: ...


class ResidualEngine(Protocol):
    """Executes what the planner cannot answer natively.

    `compiler` returns an SQL compiler of Django's for a query, which reads from the store what it needs when it is executed.
    """

    def compiler(self, query: Any, connection: Any, using: str | None, *, elide_empty: bool = True, reason: str = "") -> Any: ...

    def evaluate(self, connection: Any, model: type[Model], rows: Sequence[Row], expressions: dict[Any, Any]) -> list[tuple[Any, ...]]:
        """Compute expressions for rows (in the order of the model's concrete fields): for each row a tuple of neutral values."""
        ...


class Observer(Protocol):
    """Is told what happens on an alias. It must be quick, thread-safe, and not raise."""

    def rpc(self, alias: str, rpc: RPC) -> None:
        """An RPC ended."""

    def emulated(self, alias: str, description: str, rows: int) -> None:
        """The residual engine answered a query after fetching `rows` rows."""


@hookspec(firstresult=True)
def driver(settings: AliasSettings) -> Driver | None:
    """Hand over the driver of an alias. Called once for each alias and process, by the plugin that the ENGINE names."""


@hookspec
def constraint_step(model: type[Model]) -> Step | None:
    """Hand over a step that checks a model's constraints. Called when a model is first written."""


@hookspec
def index_step(model: type[Model]) -> Step | None:
    """Hand over a step that adds derived properties and entities. Called when a model is first written."""


@hookspec
def predicate_rewriter(model: type[Model]) -> PredicateRewriter | None:
    """Hand over a rewriter of predicates on a model. Called when a model is first read."""


@hookspec
def read_layer() -> ReadLayer | None:
    """Hand over a layer around the lookup by key. Called when a connection is made ready."""


@hookspec
def commit_layer() -> CommitLayer | None:
    """Hand over a layer around the commit. Called when a connection is made ready."""


@hookspec(firstresult=True)
def transaction_manager() -> TransactionManager | None:
    """Hand over what makes `atomic` a transaction. Called when a connection is made ready; without it atomic only sequences statements."""


@hookspec(firstresult=True)
def residual_engine() -> ResidualEngine | None:
    """Hand over what executes the part of a query that the store cannot. Called when a connection is made ready."""


@hookspec
def observer() -> Observer | None:
    """Hand over an observer of RPCs and emulated queries. Called when a connection is made ready."""


@hookspec
def system_checks() -> Iterable[CheckMessage] | None:
    """Return the messages of Django's check framework. Called by `manage.py check` for each alias."""


@hookspec
def model_opt_outs(model: type[Model]) -> Iterable[str] | None:
    """Return the names of the plugins that a model does without. Called when a model is first seen."""
