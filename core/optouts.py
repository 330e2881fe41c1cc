"""What a model does without, by its inner class `Djangae`; a built-in plugin hands it to the facade."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps

from .plugins import hookimpl
from .settings import constraint_checks_disabled

if TYPE_CHECKING:
    from django.db.models import Model

INNER_CLASS = "Djangae"
# What the inner class may hold, with the types of each attribute's value.
ATTRIBUTES: dict[str, Any] = {"disabled_plugins": (tuple, list), "disable_constraint_checks": (bool,)}
CONSTRAINTS = "constraints"  # the plugin's name that `disable_constraint_checks` stands for


class ModelOptOuts:
    """Answers `model_opt_outs` from the inner class `Djangae` of models."""

    @hookimpl
    def model_opt_outs(self, model: type[Model]) -> Iterable[str]:
        """Return the plugins that a model does without, inherited declarations included."""
        return opt_outs(model)


def opt_outs(model: type[Model]) -> frozenset[str]:
    """Return the names of the plugins that a model opts out of."""
    live = live_model(model)
    if live is None:
        return frozenset()
    names = set(declared(live, "disabled_plugins", ()))
    constraints = declared(live, "disable_constraint_checks", None)
    if constraints is not None:
        (names.add if constraints else names.discard)(CONSTRAINTS)
    return frozenset(names)


def keeps_constraints(model: type[Model]) -> bool:
    """Tell whether the plugin of constraints has to do with a model: it may opt out, and back in where a setting turns all of them off."""
    if CONSTRAINTS in opt_outs(model):
        return False
    live = live_model(model)
    asks = None if live is None else declared(live, "disable_constraint_checks", None)
    return asks is not None or not constraint_checks_disabled()


def declared(model: type[Model], attribute: str, default: Any) -> Any:
    """Return what the nearest inner class says: the model's own, else that of an abstract parent, each attribute by itself."""
    for inner in inner_classes(model):
        if hasattr(inner, attribute):
            return getattr(inner, attribute)
    return default


def inner_classes(model: type[Model]) -> Iterator[type]:
    """Yield the inner classes that a model has or inherits, the nearest first; a proxy has those of its table."""
    concrete = model._meta.concrete_model
    for cls in concrete.__mro__:
        options = cls.__dict__.get("_meta")
        if cls is not concrete and options is not None and not options.abstract:
            continue  # a parent with a table of its own speaks for that table
        if INNER_CLASS in cls.__dict__:
            yield cls.__dict__[INNER_CLASS]


def declaring_model(model: type[Model]) -> type[Model]:
    """Return the model that says what constraints a table has: the live one for the stub that a migration has of an app without any.

    Django leaves relations and unique_together out of such a stub.
    """
    options = model._meta
    stubs = getattr(options.apps, "real_models", ())
    if any((stub.app_label, stub.name_lower) == (options.app_label, options.model_name) for stub in stubs):
        return live_model(model) or model
    return model


def live_model(model: type[Model]) -> type[Model] | None:
    """Return the model of today for a historical one of a migration, which has lost its inner class; None where it is gone."""
    if model._meta.apps is apps:
        return model
    if any(True for _ in inner_classes(model)):
        return model
    try:
        live: type[Model] = apps.get_model(model._meta.label)
    except LookupError:
        return None
    return live
