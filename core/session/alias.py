"""What all connections of an alias share in a process: its settings, plugins, driver, and the steps of each model."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db.utils import DataError

from ..plugins import Plugins
from ..registry import plugins_of
from ..settings import AliasSettings, read_alias

if TYPE_CHECKING:
    from ..driver import Driver
    from ..roles import CheckKeeper, PredicateRewriter, Step, UniqueKeeper

_lock = threading.Lock()
_drivers: dict[tuple[Any, ...], Driver] = {}


class Alias:
    """One alias, made ready."""

    def __init__(self, settings: AliasSettings, driver_plugin: type) -> None:
        self.settings = settings
        self.plugins: Plugins = plugins_of(settings, driver_plugin)
        self.driver: Driver = self._driver(driver_plugin)
        self.capabilities = self.driver.capabilities
        self._changes_of_tables = 0

    def _driver(self, driver_plugin: type) -> Driver:
        """Return the driver that this process uses for these settings: made once, for it holds the connection to the store."""
        settings = self.settings
        source = (
            driver_plugin,
            settings.name,
            settings.project,
            settings.database,
            str(settings.credentials),
            repr(settings.driver_options),
        )
        with _lock:
            driver = _drivers.get(source)
            if driver is None:
                driver = self.plugins.driver(settings)
                if driver is None:
                    raise ImproperlyConfigured(f"The ENGINE of DATABASES[{settings.alias!r}] hands over no driver.")
                _drivers[source] = driver
        return driver

    @cached_property
    def unique_keeper(self) -> UniqueKeeper | None:
        """What keeps values unique, if a plugin does."""
        return self.plugins.unique_keeper()

    @cached_property
    def check_keeper(self) -> CheckKeeper | None:
        """What keeps rows to their check constraints, if a plugin does."""
        return self.plugins.check_keeper()

    def namespace(self) -> str:
        """Return the namespace of the statement that is about to run."""
        namespace = self.settings.namespace
        if not callable(namespace):
            return namespace
        answer = namespace()
        if not isinstance(answer, str):
            raise DataError(f"The NAMESPACE of DATABASES[{self.settings.alias!r}] returned {answer!r}; it must return a string.")
        return answer

    def steps(self, model: Any) -> tuple[Step, ...]:
        """Return what the plugins do when rows of a model are written: checks first, then indexes."""
        known = _on_model(model, "_kindstore_steps")
        made, steps = known.get(self, (None, ()))
        if made != (current := (_changes_of_settings, self._changes_of_tables)):
            steps = (*self.plugins.constraint_steps(model), *self.plugins.index_steps(model))
            known[self] = (current, steps)
        return steps

    def forget_steps(self) -> None:
        """Make the steps anew: a table has changed, on which they may depend."""
        self._changes_of_tables += 1

    def rewriters(self, model: Any) -> tuple[PredicateRewriter, ...]:
        """Return what the plugins make of predicates on a model that the store cannot answer."""
        known = _on_model(model, "_kindstore_rewriters")
        rewriters: tuple[PredicateRewriter, ...] | None = known.get(self)
        if rewriters is None:
            rewriters = known[self] = self.plugins.predicate_rewriters(model)
        return rewriters


_changes_of_settings = 0


def _forget_steps(*, setting: str, **_signal: object) -> None:
    """Make the steps anew, of open connections too; called when a test changes a setting that they may depend on."""
    global _changes_of_settings
    if setting.startswith("DJANGAE_"):
        _changes_of_settings += 1


setting_changed.connect(_forget_steps, dispatch_uid="kindstore.core.session.alias")


def _on_model(model: Any, name: str) -> WeakKeyDictionary[Alias, Any]:
    """Return what is kept on a model, by alias: a migration's model of the same label has other fields, and does not live long."""
    options = model._meta
    found: WeakKeyDictionary[Alias, Any] | None = options.__dict__.get(name)
    if found is None:
        found = options.__dict__[name] = WeakKeyDictionary()
    return found


def forget(model: Any) -> None:
    """Forget what was derived from a model: its fields or constraints have changed."""
    for name in ("_kindstore_mappings", "_kindstore_steps", "_kindstore_rewriters"):
        model._meta.__dict__.pop(name, None)


_aliases: dict[str, Alias] = {}


def alias_of(name: str, entry: dict[str, Any], driver_plugin: type) -> Alias:
    """Return the alias of an entry of DATABASES: one for all its connections, until the entry changes."""
    settings = read_alias(name, entry)
    alias = _aliases.get(name)
    plugins = plugins_of(settings, driver_plugin)
    if alias is None or alias.settings != settings or alias.plugins is not plugins:
        alias = _aliases[name] = Alias(settings, driver_plugin)
    return alias
