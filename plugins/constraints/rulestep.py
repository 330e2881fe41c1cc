"""The step that refuses rows which break a rule, and what migrations ask about rows that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core.datamodel import Entity, Verb
from ...core.mapping import mapping_of
from ...core.optouts import keeps_constraints, live_model
from .altered import AlteredTables
from .rules import Rule, Rules, rules_of

if TYPE_CHECKING:
    from django.db.models import CheckConstraint, Model

    from ...core.mapping import ModelMapping
    from ...core.session.changes import Assigned, Batch, Change


CHECKS: AlteredTables[CheckConstraint] = AlteredTables()


class RuleStep:
    """Checks the rows of one model as they will be. An update reads them only where a rule depends on more than what is set."""

    needs_before = False

    def __init__(
        self, mapping: ModelMapping, among: Sequence[Rule], altered: Mapping[str, Sequence[Rule]], *, needs_after: bool = True
    ) -> None:
        """Prepare the step; `altered` are the rules in namespaces that have others."""
        self.mapping, self.among, self.altered, self.needs_after = mapping, among, altered, needs_after

    def narrowed(self, assigned: Assigned) -> RuleStep | None:
        """Return the step for an update of some columns."""
        among = _concerned(self.among, assigned)
        altered = {namespace: _concerned(rules, assigned) for namespace, rules in self.altered.items()}
        rules = [*among, *(rule for each in altered.values() for rule in each)]
        whole = any(not rule.columns <= assigned.given for rule in rules)
        return RuleStep(self.mapping, among, altered, needs_after=whole) if rules else None

    def __call__(self, batch: Batch) -> None:
        """Raise IntegrityError for the first row that breaks a rule."""
        entities = [_after(change) for change in batch.changes if change.verb is not Verb.DELETE]
        if not entities:
            return
        rules = self.altered.get(batch.changes[0].key.namespace, self.among)  # the namespace is the same for all of a statement
        for rule in rules:
            for entity in rule.test(entities, batch.session.connection):
                raise rule.error(self.mapping, entity)


def _concerned(rules: Sequence[Rule], assigned: Assigned) -> list[Rule]:
    return [rule for rule in rules if _concerns(rule, assigned)]


def _concerns(rule: Rule, assigned: Assigned) -> bool:
    touched = rule.columns & assigned.names
    return bool(touched) and not (rule.bounds and touched <= assigned.grown)


def _after(change: Change) -> Entity:
    before = {} if change.before is None else change.before.properties
    return Entity(change.key, {**before, **change.values})


def step_of(model: type[Model], connection: Any) -> RuleStep | None:
    """Return the step of a model; None where nothing is checked."""
    rules = rules_of(model, connection)
    altered = _altered(rules, connection)
    return RuleStep(rules.mapping, rules.all, altered) if rules.all or any(altered.values()) else None


def _altered(rules: Rules, connection: Any) -> dict[str, list[Rule]]:
    """Return the rules of a model in the namespaces in which its table was altered."""
    declared = [(rule.name, rule) for rule in rules.all]
    tables = CHECKS.of(connection, rules.mapping.kind)
    return {namespace: each.of(declared, lambda check: rules.of_added(check, connection)) for namespace, each in tables.items()}


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

    def added(self, connection: Any, model: type[Model], constraint: CheckConstraint) -> None:
        """Check rows from now on, those of models too that do not say so."""
        live = live_model(model)
        is_of_today = live is not None and live is not model and constraint.name in {each.name for each in live._meta.constraints}
        CHECKS.add(connection, mapping_of(model, connection).kind, constraint.name, None if is_of_today else constraint)

    def removed(self, connection: Any, model: type[Model], constraint: CheckConstraint) -> None:
        """Check rows no more, those of models neither that still say so."""
        CHECKS.remove(connection, mapping_of(model, connection).kind, [constraint.name])

    def forget(self, connection: Any, table: str) -> None:
        """Forget what migrations of this process have made of a table."""
        CHECKS.forget(connection, table)
