"""Fields that no model has: what a schema editor is given by code that builds them by hand, bound to a private model of the same table."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from django.apps.registry import Apps
from django.db.models import Model


def bound(model: Any, field: Any, replaced: Any = None) -> Any:
    """Return a field as one that a model has, as those of migrations do; else a copy of it in a private model of the table.

    That model is as `model` is, with the field in the place of the one `replaced`, if it has that, else beside its fields.
    """
    owner = getattr(field, "model", None)
    if not field.concrete or (owner is not None and any(each is field for each in owner._meta.local_fields)):
        return field
    return _private(model, field, replaced or field)._meta.get_field(field.name)


def _private(model: Any, field: Any, replaced: Any) -> Any:
    """Make a model of the table of another, in no registry that anybody sees."""
    options = model._meta
    fields = {each.name: each for each in options.local_fields if each.name != replaced.name}
    if field.primary_key:
        fields = {name: each for name, each in fields.items() if not each.primary_key}
    body = {name: copy.deepcopy(each) for name, each in {**fields, field.name: field}.items()}
    together = [[field.name if name == replaced.name else name for name in names] for names in options.unique_together]
    meta = {
        "app_label": options.app_label,
        "apps": Apps(),
        "db_table": options.db_table,
        "unique_together": together,
        "constraints": list(options.constraints),
    }
    return type(options.object_name, (Model,), {**body, "Meta": type("Meta", (), meta), "__module__": model.__module__})


def references(old_field: Any, new_field: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the model and the old and the new foreign key of each reference to a field."""
    olds = {(each.model._meta.label_lower, each.name): each for each in _foreign_keys(old_field)}
    news = {(each.model._meta.label_lower, each.name): each for each in _foreign_keys(new_field)} if olds else {}
    for name, old in olds.items():
        new = news.get(name)
        if new is not None:
            yield new.model, old, new


def _foreign_keys(field: Any) -> Iterator[Any]:
    for relation in field.model._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
            reference = relation.field
            if reference.concrete and reference.target_field.name == field.name:
                yield reference
