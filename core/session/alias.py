"""What all connections of an alias share in a process: its settings, plugins, driver, and the steps of each model."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db.utils import DataError

from ..plugins import Plugins
from ..registry import plugins_of
from ..settings import AliasSettings, read_alias

if TYPE_CHECKING:
    from ..driver import Driver
    from ..roles import PredicateRewriter, Step

_lock = threading.Lock()
_drivers: dict[tuple[Any, ...], Driver] = {}


class Alias:
    """One alias, made ready."""

    def __init__(self, settings: AliasSettings, driver_plugin: type) -> None:
        self.settings = settings
        self.plugins: Plugins = plugins_of(settings, driver_plugin)
        self.driver: Driver = self._driver(driver_plugin)
        self.capabilities = self.driver.capabilities
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._rewriters: dict[str, tuple[PredicateRewriter, ...]] = {}

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
        label = model._meta.label
        steps = self._steps.get(label)
        if steps is None:
            steps = self._steps[label] = (*self.plugins.constraint_steps(model), *self.plugins.index_steps(model))
        return steps

    def rewriters(self, model: Any) -> tuple[PredicateRewriter, ...]:
        """Return what the plugins make of predicates on a model that the store cannot answer."""
        label = model._meta.label
        rewriters = self._rewriters.get(label)
        if rewriters is None:
            rewriters = self._rewriters[label] = self.plugins.predicate_rewriters(model)
        return rewriters


_aliases: dict[str, Alias] = {}


def alias_of(name: str, entry: dict[str, Any], driver_plugin: type) -> Alias:
    """Return the alias of an entry of DATABASES: one for all its connections, until the entry changes."""
    settings = read_alias(name, entry)
    alias = _aliases.get(name)
    plugins = plugins_of(settings, driver_plugin)
    if alias is None or alias.settings != settings or alias.plugins is not plugins:
        alias = _aliases[name] = Alias(settings, driver_plugin)
    return alias
