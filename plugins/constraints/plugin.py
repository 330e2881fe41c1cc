"""The plugin: hands over the step, the keeper and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections

from ...core.optouts import keeps_constraints
from ...core.plugins import hookimpl
from .altered import kept_of
from .checking import check_alias
from .keeper import MarkerKeeper
from .step import UniqueStep

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
    from django.db.models import Model


class ConstraintsPlugin:
    """Keeps unique what models declare unique: each value has an entity, the marker, that is written in the same commit as the row."""

    position = 20

    def __init__(self) -> None:
        self.keeper = MarkerKeeper()

    @hookimpl
    def constraint_step(self, model: type[Model], alias: str) -> UniqueStep | None:
        if not keeps_constraints(model):
            return None
        uniques = kept_of(model, connections[alias])
        return UniqueStep(uniques) if uniques.all else None

    @hookimpl
    def unique_keeper(self) -> MarkerKeeper:
        return self.keeper

    @hookimpl
    def system_checks(self, alias: str) -> list[CheckMessage]:
        return list(check_alias(alias))
