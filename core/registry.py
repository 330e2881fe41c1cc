"""Builds the plugins of an alias: finds the classes that the settings name, checks their options, and makes each once."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from .optouts import ModelOptOuts
from .plugins import Plugins

if TYPE_CHECKING:
    from .settings import AliasSettings

GROUP = "kindstore.plugins"
DISTRIBUTION = "django-kindstore"
# Registered for every alias, whatever its settings say, so no plugin of a project can take these names.
BUILT_IN = {"model_opt_outs": ModelOptOuts}
RESERVED = ("driver", *BUILT_IN)


@dataclass(frozen=True, slots=True)
class _Made:
    """The plugins of an alias, and what they were made from."""

    plugins: Plugins
    source: tuple[Any, ...]


_made: dict[str, _Made] = {}
_lock = threading.RLock()


def plugins_of(settings: AliasSettings, driver_plugin: type) -> Plugins:
    """Return the plugins of an alias, made once for all its connections in this process and again when its settings change.

    The driver's plugin comes first, under the name "driver", then those of `settings.plugins` in their order. ImproperlyConfigured
    says which name, option or requirement is wrong, and what would be right.
    """
    source = (driver_plugin, settings.plugins, settings.plugin_options, settings.trace_plugins)
    with _lock:
        made = _made.get(settings.alias)
        if made is None or made.source != source:
            made = _made[settings.alias] = _Made(_make(settings, driver_plugin), source)
        return made.plugins


def available_names() -> tuple[str, ...]:
    """Return the names of all plugins that are installed, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def forget(*, setting: str = "DATABASES", **_signal: object) -> None:
    """Make the plugins anew at their next use; called when a test changes a setting that they were made from."""
    if setting in ("DATABASES", "KINDSTORE_PLUGINS") or setting.startswith("DJANGAE_"):
        with _lock:
            _made.clear()


setting_changed.connect(forget, dispatch_uid="kindstore.core.registry")


def _make(settings: AliasSettings, driver_plugin: type) -> Plugins:
    names = _bundled_names() if settings.plugins is None else settings.plugins
    _refuse_bad_names(settings, names)
    classes = {name: _load(settings.alias, name) for name in names}
    if settings.plugins is None:
        classes = dict(sorted(classes.items(), key=lambda item: (getattr(item[1], "position", 50), item[0])))
    made = [(name, _instantiate(settings, name, cls)) for name, cls in classes.items()]
    built_in = [(name, cls()) for name, cls in BUILT_IN.items()]
    return Plugins([("driver", driver_plugin()), *made, *built_in], alias=settings.alias, trace=settings.trace_plugins)


def _bundled_names() -> tuple[str, ...]:
    """Return the names of the plugins of this distribution; `position` on their classes gives the order, not this."""
    return tuple(point.name for point in entry_points(group=GROUP) if _distribution(point) == DISTRIBUTION)


def _distribution(point: EntryPoint) -> str:
    return re.sub(r"[-_.]+", "-", point.dist.name).lower() if point.dist else ""


def _refuse_bad_names(settings: AliasSettings, names: Sequence[str]) -> None:
    setting = _setting(settings.alias, "PLUGINS")
    for name in names:
        if not isinstance(name, str):
            raise ImproperlyConfigured(f"{setting} holds {name!r}; it must hold names of plugins or dotted paths of their classes.")
        if name in RESERVED:
            raise ImproperlyConfigured(f"{setting} names {name!r}, which kindstore adds itself. Take it out of the list.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ImproperlyConfigured(f"{setting} names {_listed(repeated)} more than once. Keep the first, the outermost, of each.")
    strangers = sorted(set(settings.plugin_options) - set(names))
    if strangers:
        raise ImproperlyConfigured(
            f"{_setting(settings.alias, 'OPTIONS')} has options for {_listed(strangers)}, which is no enabled plugin. "
            f"Enabled are {_listed(names)}; besides, OPTIONS may hold 'ids', 'trace_plugins' and 'driver'."
        )


def _load(alias: str, name: str) -> type:
    """Find a plugin's class by the name of its entry point, or by a dotted path."""
    found = _load_path(alias, name) if "." in name else _load_entry_point(alias, name)
    if not isinstance(found, type):
        raise ImproperlyConfigured(f"{_setting(alias, 'PLUGINS')} names {name!r}, which is {found!r}; a plugin is a class.")
    return found


def _load_entry_point(alias: str, name: str) -> Any:
    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        raise ImproperlyConfigured(
            f"{_setting(alias, 'PLUGINS')} names {name!r}, but no plugin of that name is installed. "
            f"Installed are {_listed(available_names())}; or give the dotted path of a class."
        )
    if len(points) > 1:
        owners = _listed(sorted(_distribution(point) for point in points))
        raise ImproperlyConfigured(
            f"{_setting(alias, 'PLUGINS')} names {name!r}, which {owners} all install. Give the dotted path of the class that you mean: "
            f"{_listed([point.value.replace(':', '.') for point in points])}."
        )
    return _load_path(alias, name, points[0].module, points[0].attr)


def _load_path(alias: str, name: str, module_name: str = "", attribute: str = "") -> Any:
    if not module_name:
        module_name, _, attribute = name.rpartition(".")
    found = _import(alias, name, module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            choices = sorted(key for key, value in vars(found).items() if isinstance(value, type) and value.__module__ == module_name)
            raise ImproperlyConfigured(
                f"{_setting(alias, 'PLUGINS')} names {name!r}, but {module_name} has no {attribute!r}. Its classes are {_listed(choices)}."
            )
        found = getattr(found, part)
    return found


def _import(alias: str, name: str, module_name: str) -> Any:
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ImproperlyConfigured(
                f"{_setting(alias, 'PLUGINS')} names {name!r}, but there is no module {missing!r}. "
                f"Installed plugins are {_listed(available_names())}; or give the dotted path of a class."
            ) from error
        raise ImproperlyConfigured(
            f"{_setting(alias, 'PLUGINS')} names {name!r}, which needs the module {missing!r}, and that is not installed. "
            f"Install it, or take {name!r} out of the list."
        ) from error


def _instantiate(settings: AliasSettings, name: str, cls: type) -> object:
    options = settings.plugin_options.get(name, {})
    where = f"{_setting(settings.alias, 'OPTIONS')}[{name!r}]"
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"{where} is {options!r}; it must be a dictionary of the options of the plugin.")
    known = _parameters(cls)
    unknown = sorted(set(options) - set(known), key=str)
    if unknown:
        raise ImproperlyConfigured(f"{where} has {_listed(unknown)}; the options of {name!r} are {_listed(sorted(known))}.")
    missing = sorted(option for option, parameter in known.items() if parameter.default is parameter.empty and option not in options)
    if missing:
        raise ImproperlyConfigured(f"{where} lacks {_listed(missing)}; the plugin {name!r} cannot do without.")
    made: object = cls(**options)
    return made


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a plugin's class that an option can fill."""
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        inspect.signature(cls)
    except ValueError:
        raise ImproperlyConfigured(f"{cls.__module__}.{cls.__qualname__} is no plugin: nothing tells how it is made.") from None
    return {name: each for name, each in inspect.signature(cls).parameters.items() if each.kind in named}


def _setting(alias: str, key: str) -> str:
    return f"DATABASES[{alias!r}][{key!r}]"


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(repr, names)) or "none"
