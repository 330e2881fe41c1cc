"""What code gives to a schema editor by hand: fields that no model has, and constraints that a model lacks, or has still.

Migrations give the models before and after an operation. For others, private models of the table stand in.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
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
    old, options = replaced or field, model._meta
    fields = {each.name: each for each in options.local_fields if each.name != old.name and not (field.primary_key and each.primary_key)}
    together = [[field.name if name == old.name else name for name in names] for names in options.unique_together]
    return _private(model, {**fields, field.name: field}, together, options.constraints)._meta.get_field(field.name)


def with_constraint(model: Any, constraint: Any) -> Any:
    """Return a model that has a constraint: itself if it does, else a private model of its table."""
    if constraint in model._meta.constraints:
        return model
    return _private(model, _fields(model), model._meta.unique_together, [*model._meta.constraints, constraint])


def without_constraint(model: Any, constraint: Any) -> Any:
    """Return a model that does not have a constraint."""
    if constraint not in model._meta.constraints:
        return model
    return _private(model, _fields(model), model._meta.unique_together, [each for each in model._meta.constraints if each != constraint])


def with_together(model: Any, names: Sequence[str]) -> Any:
    """Return a model in which some fields are unique together."""
    groups = [tuple(group) for group in model._meta.unique_together]
    return model if tuple(names) in groups else _private(model, _fields(model), [*groups, names], model._meta.constraints)


def without_together(model: Any, names: Sequence[str]) -> Any:
    """Return a model in which some fields are not unique together by unique_together."""
    groups = [tuple(group) for group in model._meta.unique_together]
    if tuple(names) not in groups:
        return model
    return _private(model, _fields(model), [group for group in groups if group != tuple(names)], model._meta.constraints)


def _fields(model: Any) -> dict[str, Any]:
    return {each.name: each for each in (*model._meta.local_fields, *model._meta.private_fields) if each.name == "pk" or each.concrete}


def _private(model: Any, fields: Mapping[str, Any], together: Sequence[Sequence[str]], constraints: Sequence[Any]) -> Any:
    """Make a model of the table of another, in no registry that anybody sees."""
    options = model._meta
    body = {name: copy.deepcopy(each) for name, each in fields.items()}
    meta = {
        "app_label": options.app_label,
        "apps": Apps(),
        "db_table": options.db_table,
        "unique_together": together,
        "constraints": list(constraints),
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
