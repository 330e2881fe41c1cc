"""What the plugin has to say to `manage.py check`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import connections, router
from django.db.utils import NotSupportedError

from ...core.optouts import keeps_constraints
from .claiming import is_list
from .rules import rules_of
from .uniques import Uniques, uniques_of

if TYPE_CHECKING:
    from django.db.models import Model


def check_alias(alias: str) -> Iterator[checks.CheckMessage]:
    """Yield what is wrong with the constraints of the models whose tables are on an alias."""
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.proxy or options.swapped or not router.allow_migrate_model(alias, model) or not keeps_constraints(model):
            continue
        try:
            uniques, rules = uniques_of(model, connections[alias]), rules_of(model, connections[alias])
        except (NotSupportedError, FieldDoesNotExist, FieldError):
            continue  # a model that this store, or no database, can have, of which other checks tell
        yield from check_model(model, uniques, alias)
        if connections[alias].engine is None:
            yield from (_not_native(model, name, reason, alias) for name, reason in rules.computed)


def check_model(model: type[Model], uniques: Uniques, alias: str) -> Iterator[checks.CheckMessage]:
    """Yield what is wrong with the constraints of one model."""
    if uniques.computed and connections[alias].engine is None:
        for unique, reason in uniques.computed.items():
            yield _not_native(model, unique.name, reason, alias)
    for unique in uniques.all:
        if len([name for name in unique.fields if is_list(model._meta.get_field(name))]) > 1:
            yield checks.Error(
                f"The constraint {unique.name!r} of {model._meta.label} has more than one list: {', '.join(unique.fields)}.",
                hint="Each item of a list is unique by itself. Leave one list in the constraint.",
                obj=model,
                id="kindstore.E022",
            )
        if unique.deferred and connections[alias].plugins.transaction_manager() is None:
            yield _deferred(model, unique.name)


def _not_native(model: type[Model], name: str, reason: str, alias: str) -> Any:
    return checks.Error(
        f"The constraint {name!r} of {model._meta.label} cannot be kept by the store alone: {reason}.",
        hint=f"Add 'relational' to PLUGINS of DATABASES[{alias!r}], or change the constraint.",
        obj=model,
        id="kindstore.E021",
    )


def _deferred(model: type[Model], name: str) -> Any:
    return checks.Warning(
        f"The constraint {name!r} of {model._meta.label} is deferred, and is checked at each statement all the same.",
        hint="Add 'transactions' to PLUGINS: only a transaction has an end to which it can be deferred.",
        obj=model,
        id="kindstore.W021",
    )
