"""Whether Model.save() writes what it is given, or what code of the project makes of the row that was read."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import DateField, DateTimeField, Field, Model, TimeField
from django.db.models.signals import post_save, pre_save

METHODS = ("save", "save_base", "_save_table", "_do_update", "__setattr__")
PLAIN = frozenset(kind.pre_save for kind in (Field, DateField, DateTimeField, TimeField))


def saves_plainly(model: Any) -> bool:
    """Tell whether no model of a table overrides saving, listens to it, or has a field that computes what is saved."""
    table = model._meta.concrete_model
    models = [each for each in apps.get_models(include_auto_created=True) if each._meta.concrete_model is table or issubclass(each, table)]
    return all(map(_is_plain, models or [model]))


def _is_plain(model: Any) -> bool:
    if any(getattr(model, name) is not getattr(Model, name) for name in METHODS):
        return False
    if pre_save.has_listeners(model) or post_save.has_listeners(model):
        return False
    return all(type(field).pre_save in PLAIN for field in model._meta.concrete_fields)
