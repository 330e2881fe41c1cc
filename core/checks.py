"""Django's system checks: those of the plugins of each alias, and of the models' inner class `Djangae`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import checks
from django.db import connections

from .optouts import ATTRIBUTES, CONSTRAINTS, INNER_CLASS, inner_classes
from .registry import available_names

if TYPE_CHECKING:
    from django.apps import AppConfig
    from django.db.models import Model

    from .plugins import Plugins

TAG = "kindstore"


def check_aliases(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Return what the plugins of each alias have to say."""
    return [message for plugins in _plugins_of_aliases() for message in plugins.system_checks()]


def check_models(app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any) -> list[checks.CheckMessage]:
    """Check the inner class `Djangae` of every model."""
    models = apps.get_models() if app_configs is None else [model for config in app_configs for model in config.get_models()]
    plugins = {CONSTRAINTS, *available_names(), *(name for each in _plugins_of_aliases() for name in each.names)}
    return [message for model in models if not model._meta.proxy for message in _check_model(model, plugins)]


def _plugins_of_aliases() -> Iterator[Plugins]:
    for connection in connections.all():
        if connection.vendor == "kindstore":
            yield connection.plugins


def _check_model(model: type[Model], plugins: set[str]) -> Iterator[checks.CheckMessage]:
    for inner in inner_classes(model):
        for name in sorted(key for cls in inner.__mro__[:-1] for key in cls.__dict__ if not key.startswith("__")):
            yield from _check_attribute(model, name, getattr(inner, name), plugins)


def _check_attribute(model: type[Model], name: str, value: Any, plugins: set[str]) -> Iterator[checks.CheckMessage]:
    where = f"{model._meta.label}.{INNER_CLASS}"
    if name not in ATTRIBUTES:
        choices = ", ".join(sorted(ATTRIBUTES))
        yield checks.Error(
            f"{where} has the unknown attribute {name!r}.", hint=f"Its attributes are {choices}.", obj=model, id="kindstore.E001"
        )
    elif not isinstance(value, ATTRIBUTES[name]):
        wanted = " or a ".join(each.__name__ for each in ATTRIBUTES[name])
        yield checks.Error(f"{where}.{name} is {value!r}.", hint=f"It must be a {wanted}.", obj=model, id="kindstore.E002")
    elif name == "disabled_plugins":
        for unknown in sorted(set(value) - plugins, key=str):
            hint = f"Plugins are {', '.join(sorted(plugins))}."
            yield checks.Warning(f"{where}.{name} names the unknown plugin {unknown!r}.", hint=hint, obj=model, id="kindstore.W001")
