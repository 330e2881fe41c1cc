"""One typed facade for each alias over its plugin manager: nothing but this and the markers knows pluggy.

Hooks hand over, they do not work: each is called when an alias is made ready or when a model is first seen, never for an entity.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy
from django.core.exceptions import ImproperlyConfigured

from . import hookspecs
from .markers import PROJECT, hookimpl

if TYPE_CHECKING:
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

__all__ = ["Plugins", "hookimpl"]

trace_logger = logging.getLogger("kindstore.plugins")


class Plugins:
    """The plugins of one alias, in the order of its settings, the outermost first."""

    def __init__(self, named: Sequence[tuple[str, object]], *, alias: str = "", trace: bool = False) -> None:
        """Register the plugins; `trace` logs each hook call and its result to the logger "kindstore.plugins" at level DEBUG."""
        self.alias = alias
        self.names = tuple(name for name, _ in named)
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        try:
            for name, plugin in reversed(named):  # pluggy calls the last registered first
                self._manager.register(plugin, name)
            self._manager.check_pending()  # or an implementation of an unknown hook would pass silently
        except pluggy.PluginValidationError as error:
            hooks = ", ".join(sorted(name for name in vars(self._manager.hook) if not name.startswith("_")))
            raise ImproperlyConfigured(f"A plugin implements a hook wrongly: {error}. The hooks are {hooks}.") from error
        if trace:
            self._manager.add_hookcall_monitoring(_before_call, _after_call)

    def get(self, name: str) -> object | None:
        """Return the plugin object of a name, None where the alias does without it."""
        return self._manager.get_plugin(name)

    def driver(self, settings: AliasSettings) -> Driver | None:
        return self._manager.hook.driver(settings=settings)

    def constraint_steps(self, model: type[Model]) -> tuple[Step, ...]:
        """Return the steps that check a model; a plugin may hand over several."""
        handed = self._for_model("constraint_step", model)
        return tuple([step for each in handed for step in (each if isinstance(each, list) else (each,))])

    def index_steps(self, model: type[Model]) -> tuple[Step, ...]:
        return tuple(self._for_model("index_step", model))

    def predicate_rewriters(self, model: type[Model]) -> tuple[PredicateRewriter, ...]:
        return tuple(self._for_model("predicate_rewriter", model))

    def read_layers(self) -> tuple[ReadLayer, ...]:
        return tuple(self._manager.hook.read_layer())

    def commit_layers(self) -> tuple[CommitLayer, ...]:
        return tuple(self._manager.hook.commit_layer())

    def transaction_manager(self) -> TransactionManager | None:
        return self._manager.hook.transaction_manager()

    def unique_keeper(self) -> UniqueKeeper | None:
        return self._manager.hook.unique_keeper()

    def check_keeper(self) -> CheckKeeper | None:
        return self._manager.hook.check_keeper()

    def residual_engine(self) -> ResidualEngine | None:
        return self._manager.hook.residual_engine()

    def observers(self) -> tuple[Observer, ...]:
        return tuple(self._manager.hook.observer())

    def system_checks(self) -> list[Any]:
        return [message for messages in self._manager.hook.system_checks(alias=self.alias) for message in messages]

    def opt_outs(self, model: type[Model]) -> frozenset[str]:
        """Return the names of the plugins that a model does without."""
        return frozenset(name for names in self._manager.hook.model_opt_outs(model=model) for name in names)

    def _for_model(self, hook: str, model: type[Model]) -> Iterator[Any]:
        opted_out = [self._manager.get_plugin(name) for name in self.opt_outs(model)]
        caller = self._manager.subset_hook_caller(hook, [plugin for plugin in opted_out if plugin is not None])
        yield from caller(model=model, alias=self.alias)


def _before_call(hook_name: str, hook_impls: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    trace_logger.debug("%s(%s) -> %s", hook_name, ", ".join(kwargs), [impl.plugin_name for impl in hook_impls])


def _after_call(outcome: Any, hook_name: str, *_: object) -> None:
    trace_logger.debug("%s = %r", hook_name, outcome.exception or outcome.get_result())
