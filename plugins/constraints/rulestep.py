"""The step that refuses rows which break a rule, and what migrations ask about rows that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...core.datamodel import Entity, Verb
from ...core.optouts import keeps_constraints
from .rules import Rule, Rules, rules_of

if TYPE_CHECKING:
    from django.db.models import CheckConstraint, Model

    from ...core.session.changes import Assigned, Batch, Change


class RuleStep:
    """Checks the rows of one model as they will be. An update reads them only where a rule depends on more than what is set."""

    needs_before = False

    def __init__(self, rules: Rules, among: Sequence[Rule], *, needs_after: bool = True) -> None:
        self.rules, self.among, self.needs_after = rules, among, needs_after

    def narrowed(self, assigned: Assigned) -> RuleStep | None:
        """Return the step for an update of some columns."""
        among = [rule for rule in self.among if _concerns(rule, assigned)]
        return RuleStep(self.rules, among, needs_after=any(not rule.columns <= assigned.given for rule in among)) if among else None

    def __call__(self, batch: Batch) -> None:
        """Raise IntegrityError for the first row that breaks a rule."""
        entities = [_after(change) for change in batch.changes if change.verb is not Verb.DELETE]
        for rule in self.among if entities else ():
            for entity in rule.test(entities, batch.session.connection):
                raise rule.error(self.rules.mapping.label, entity)


def _concerns(rule: Rule, assigned: Assigned) -> bool:
    touched = rule.columns & assigned.names
    return bool(touched) and not (rule.bounds and touched <= assigned.grown)


def _after(change: Change) -> Entity:
    before = {} if change.before is None else change.before.properties
    return Entity(change.key, {**before, **change.values})


class RuleKeeper:
    """Tells which rows break a rule that their model is to have."""

    def breaking(
        self, connection: Any, model: type[Model], entities: Sequence[Entity], constraint: CheckConstraint | None = None, column: str = ""
    ) -> list[Entity]:
        """Return the rows that break a constraint, or what a column may hold; none of a model that opts out."""
        if not keeps_constraints(model):
            return []
        rules = rules_of(model, connection)
        if constraint is not None:
            return rules.of_added(constraint, connection).test(entities, connection)
        return [entity for rule in rules.all if rule.bounds and column in rule.columns for entity in rule.test(entities, connection)]
