"""What a plugin can do, hook by hook.

A plugin is a class that is made once for each alias, with the options of `OPTIONS[<its name>]` as keyword arguments. Its methods that are
marked with `hookimpl` and named as below hand an object over, or None for "nothing to do". The objects work on batches and are called
without pluggy. Hooks are called in the order of the setting `PLUGINS`, the outermost plugin first. `alias` is the name of the alias in
DATABASES; an implementation takes those of a hook's arguments that it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .markers import hookspec

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
    from django.db.models import Model

    from .driver import Driver
    from .roles import (
        CheckKeeper,
        CommitLayer,
        Observer,
        PredicateRewriter,
        ReadLayer,
        ResidualEngine,
        Step,
        TransactionManager,
        UniqueKeeper,
    )
    from .settings import AliasSettings


@hookspec(firstresult=True)
def driver(settings: AliasSettings) -> Driver | None:
    """Hand over the driver of an alias. Called once for each alias and process, by the plugin that the ENGINE names."""


@hookspec
def constraint_step(model: type[Model], alias: str) -> Step | list[Step] | None:
    """Hand over a step that checks a model's constraints, or a list of steps. Called when a model is first written."""


@hookspec
def index_step(model: type[Model], alias: str) -> Step | None:
    """Hand over a step that adds derived properties and entities. Called when a model is first written."""


@hookspec
def predicate_rewriter(model: type[Model], alias: str) -> PredicateRewriter | None:
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
def unique_keeper() -> UniqueKeeper | None:
    """Hand over what keeps values unique; without it nothing does but the primary key. Called when an alias is made ready."""


@hookspec(firstresult=True)
def check_keeper() -> CheckKeeper | None:
    """Hand over what checks rows; without it nothing does. Called when an alias is made ready."""


@hookspec(firstresult=True)
def residual_engine() -> ResidualEngine | None:
    """Hand over what executes the part of a query that the store cannot. Called when a connection is made ready."""


@hookspec
def observer() -> Observer | None:
    """Hand over an observer of RPCs and emulated queries. Called when a connection is made ready."""


@hookspec
def system_checks(alias: str) -> Iterable[CheckMessage] | None:
    """Return the messages of Django's check framework. Called by `manage.py check` for each alias."""


@hookspec
def model_opt_outs(model: type[Model]) -> Iterable[str] | None:
    """Return the names of the plugins that a model does without. Called when a model is first seen."""
