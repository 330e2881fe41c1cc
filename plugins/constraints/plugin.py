"""The plugin: hands over the step, the keeper and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections

from ...core.optouts import keeps_constraints
from ...core.plugins import hookimpl
from .checking import check_alias
from .keeper import MarkerKeeper
from .kept import kept_of
from .rulestep import RuleKeeper, step_of
from .step import UniqueStep

if TYPE_CHECKING:
    from django.core.checks import CheckMessage
    from django.db.models import Model

    from ...core.roles import Step


class ConstraintsPlugin:
    """Keeps the constraints that models declare.

    Each unique value has an entity, the marker, that is written in the same commit as the row. A check looks at the row before that.
    """

    position = 20

    def __init__(self) -> None:
        self.keeper, self.rule_keeper = MarkerKeeper(), RuleKeeper()

    @hookimpl
    def constraint_step(self, model: type[Model], alias: str) -> list[Step]:
        if not keeps_constraints(model):
            return []
        checks, uniques = step_of(model, connections[alias]), kept_of(model, connections[alias])
        return [*([checks] if checks else ()), *([UniqueStep(uniques)] if uniques.all else ())]

    @hookimpl
    def unique_keeper(self) -> MarkerKeeper:
        return self.keeper

    @hookimpl
    def check_keeper(self) -> RuleKeeper:
        return self.rule_keeper

    @hookimpl
    def system_checks(self, alias: str) -> list[CheckMessage]:
        return list(check_alias(alias))
