"""The rules that each row of a model must keep by itself: its check constraints, and what its columns may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import CheckConstraint
from django.db.models.expressions import RawSQL
from django.db.models.sql.query import Query
from django.db.utils import IntegrityError, NotSupportedError
from django.utils import timezone

from ...core.datamodel import Entity, Value
from ...core.mapping import ColumnMapping, ModelMapping, mapping_of
from ...core.mapping.columns import is_positive
from ...core.optouts import declaring_model
from .conditions import native_condition, read_fields, walk


class Test(Protocol):
    """Tells which rows break a rule. `reason` says why only the residual engine can, "" if not."""

    reason: str

    def __call__(self, entities: Sequence[Entity], connection: Any) -> list[Entity]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `columns` are the names of those that it depends on; one that `bounds` a column below holds whatever is added to it."""

    name: str
    columns: frozenset[str]
    test: Test
    bounds: bool = False

    def error(self, mapping: ModelMapping, entity: Entity) -> IntegrityError:
        """Return the error for a row that breaks it."""
        assert entity.key is not None
        key, names = mapping.keys.value(entity.key), ", ".join(sorted(self.columns)) or "nothing"
        return IntegrityError(
            f"CHECK constraint failed: {self.name}: the {mapping.label} with the primary key {key!r} breaks it by its values of {names}. "
            "Correct them."
        )


class NativeTest:
    """By the store's own matcher."""

    reason = ""

    def __init__(self, breaks: Callable[[Entity], bool]) -> None:
        self._breaks = breaks

    def __call__(self, entities: Sequence[Entity], connection: Any) -> list[Entity]:  # noqa: ARG002 - nothing is computed
        return [entity for entity in entities if self._breaks(entity)]


class ComputedTest:
    """By the residual engine, which computes the condition for the rows that are given; nothing else is read."""

    def __init__(self, mapping: ModelMapping, name: str, condition: Any, reason: str) -> None:
        self.reason = reason
        self._mapping, self._name, self._condition = mapping, name, condition

    def __call__(self, entities: Sequence[Entity], connection: Any) -> list[Entity]:
        if connection.engine is None:
            raise NotSupportedError(
                f"The constraint {self._name!r} of {self._mapping.label} cannot be checked: {self.reason}. "
                f"Add 'relational' to PLUGINS of DATABASES[{connection.alias!r}], or change the constraint."
            )
        computed = connection.engine.compute(
            connection, self._mapping.model, self._mapping.rows(entities), (self._condition,), declared=True
        )
        return [entity for entity, (holds,) in zip(entities, computed, strict=True) if holds is not None and not holds]


class Rules:
    """All rules of one model on one alias."""

    def __init__(self, model: Any, connection: Any) -> None:
        self.mapping: ModelMapping = mapping_of(model, connection)
        self._added: dict[int, tuple[CheckConstraint, Rule]] = {}
        declared = [each for each in self.mapping.model._meta.constraints if isinstance(each, CheckConstraint)]
        self.all = (
            *(self.of_column(column) for column in self.mapping.columns if is_positive(column.field)),
            *(self.of(constraint, connection) for constraint in declared),
        )

    def of_column(self, column: ColumnMapping) -> Rule:
        """Return the rule of a column that holds no negative number."""

        def breaks(entity: Entity) -> bool:
            value: Value = entity.properties.get(column.name)
            return isinstance(value, int) and value < 0

        return Rule(f"{self.mapping.kind}_{column.name}_check", frozenset((column.name,)), NativeTest(breaks), bounds=True)

    def of_added(self, constraint: CheckConstraint, connection: Any) -> Rule:
        """Return the rule of a constraint that the model is to have, compiled once."""
        if id(constraint) not in self._added:
            self._added[id(constraint)] = constraint, self.of(constraint, connection)
        return self._added[id(constraint)][1]

    def of(self, constraint: CheckConstraint, connection: Any) -> Rule:
        """Return the rule of a constraint."""
        mapping = self.mapping
        where = Query(mapping.model).build_where(constraint.condition)
        columns = frozenset(column.name for column in _columns(mapping, where))
        with timezone.override(None):  # as a database does, which knows nothing of the request
            breaks, reason = native_condition(mapping, constraint.condition, connection, fails=True)
        test = ComputedTest(mapping, constraint.name, where, reason) if breaks is None else NativeTest(breaks)
        return Rule(constraint.name, columns, test)

    @property
    def computed(self) -> Iterator[tuple[str, str]]:
        """The names of the rules that only the residual engine can tell, each with the reason."""
        return ((rule.name, rule.test.reason) for rule in self.all if rule.test.reason)


def _columns(mapping: ModelMapping, where: Any) -> list[ColumnMapping]:
    """Return the columns that a condition reads; all of them where it holds SQL."""
    if any(isinstance(node, RawSQL) for node in walk(where)):
        return list(mapping.columns)
    fields = read_fields(where)
    return [column for column in mapping.columns if column.field in fields]


def rules_of(model: Any, connection: Any) -> Rules:
    """Return the rules of a model's own table, compiled once."""
    model = declaring_model(model)
    return mapping_of(model, connection).remember("checks", lambda: Rules(model, connection))
