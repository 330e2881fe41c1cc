"""What migrations of this process have made of the check constraints of tables.

A model says what its rows are checked for. Where the schema editor of this process has changed the table since, and the model at hand does
not say so, the table counts: rows of a model from before a constraint was added are checked, and one that was removed is not checked any
more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db.models import CheckConstraint

from ...core.mapping import mapping_of
from ...core.optouts import live_model
from .rules import Rule, Rules

if TYPE_CHECKING:
    from ...core.session.alias import Alias


@dataclass(slots=True)
class Alterations:
    """The check constraints that a table has got, and the names of those that it has lost."""

    added: dict[str, CheckConstraint] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def of(self, rules: Rules, connection: Any) -> tuple[Rule, ...]:
        """Return the rules of the rows of a model."""
        kept = [rule for rule in rules.all if rule.name not in self.removed]
        known = {rule.name for rule in kept}
        return (*kept, *(rules.of_added(each, connection) for name, each in self.added.items() if name not in known))


_altered: WeakKeyDictionary[Alias, dict[tuple[str, str], Alterations]] = WeakKeyDictionary()


def altered_rules(rules: Rules, connection: Any) -> dict[str, Sequence[Rule]]:
    """Return the rules of a model in the namespaces in which its table was altered."""
    tables = _altered.get(connection.kindstore, {})
    return {namespace: each.of(rules, connection) for (namespace, table), each in tables.items() if table == rules.mapping.kind}


def note_added(connection: Any, model: Any, constraint: CheckConstraint) -> None:
    """Take note of a constraint that a table has got; of one that the model of today has anyway, nothing need be kept."""
    alterations, live = _alterations(connection, mapping_of(model, connection).kind), live_model(model)
    alterations.removed.discard(constraint.name)
    if live is None or live is model or constraint.name not in {each.name for each in live._meta.constraints}:
        alterations.added[constraint.name] = constraint


def note_removed(connection: Any, model: Any, constraint: CheckConstraint) -> None:
    """Take note of a constraint that a table has lost."""
    alterations = _alterations(connection, mapping_of(model, connection).kind)
    alterations.added.pop(constraint.name, None)
    alterations.removed.add(constraint.name)


def forget(connection: Any, table: str) -> None:
    """Forget what was noted of a table: it is gone, or a new one."""
    if _altered.get(connection.kindstore, {}).pop((connection.session.namespace(), table), None) is not None:
        connection.kindstore.forget_steps()


def _alterations(connection: Any, table: str) -> Alterations:
    connection.kindstore.forget_steps()
    tables = _altered.setdefault(connection.kindstore, {})
    return tables.setdefault((connection.session.namespace(), table), Alterations())
