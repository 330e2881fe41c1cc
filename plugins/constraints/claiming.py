"""How the values that a constraint compares are read from stored rows, and which of them a row may have besides others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from django.db.utils import NotSupportedError

from ...core.datamodel import Entity, Value
from ...core.mapping import ColumnMapping, ModelMapping
from ...core.mapping.columns import target_of
from .conditions import computed_condition, computed_expressions
from .digests import digest

Read = Callable[[Entity], Value]
Alter = Callable[[Any], Any]


class Claimer(Protocol):
    """Tells the digests of the values that rows claim by one constraint. `reason` says why only the residual engine can, "" if not."""

    reason: str

    def digests(self, entities: Sequence[Entity], connection: Any) -> list[list[str]]: ...


class CombinationClaimer:
    """Of plain columns."""

    reason = ""

    def __init__(self, columns: Sequence[ColumnMapping], *, with_nulls: bool) -> None:
        self._reads = [reader(column) for column in columns]
        self._label = ", ".join(str(column.field) for column in columns)
        self._with_nulls = with_nulls

    def digests(self, entities: Sequence[Entity], connection: Any) -> list[list[str]]:  # noqa: ARG002 - nothing is computed
        return [self.of(entity) for entity in entities]

    def of(self, entity: Entity) -> list[str]:
        values = [read(entity) for read in self._reads]
        return [digest(each) for each in expanded(values, self._label) if self._with_nulls or None not in each]


class ConditionalClaimer:
    """Of plain columns, where a condition holds that needs no engine."""

    reason = ""

    def __init__(self, plain: CombinationClaimer, holds: Callable[[Entity], bool]) -> None:
        self._plain, self._holds = plain, holds

    def digests(self, entities: Sequence[Entity], connection: Any) -> list[list[str]]:  # noqa: ARG002 - nothing is computed
        return [self._plain.of(entity) if self._holds(entity) else [] for entity in entities]


class ComputedClaimer:
    """Of expressions, or where a condition holds, that the residual engine computes."""

    def __init__(self, mapping: ModelMapping, constraint: Any, columns: Sequence[ColumnMapping], reason: str, *, with_nulls: bool) -> None:
        self.reason = reason
        self._mapping, self._constraint, self._with_nulls = mapping, constraint, with_nulls
        self._plain = CombinationClaimer(columns, with_nulls=with_nulls) if columns else None
        self._alter = [collation(expression) for expression in constraint.expressions]

    def digests(self, entities: Sequence[Entity], connection: Any) -> list[list[str]]:
        engine = connection.engine
        if engine is None:
            raise NotSupportedError(
                f"The constraint {self._constraint.name!r} of {self._mapping.label} cannot be kept: {self.reason}. "
                f"Add 'relational' to PLUGINS of DATABASES[{connection.alias!r}], or change the constraint."
            )
        expressions = [computed_condition(self._mapping.model, self._constraint.condition)]
        if self._plain is None:
            expressions += computed_expressions(self._mapping.model, self._constraint.expressions)
        rows = engine.compute(connection, self._mapping.model, self._mapping.rows(entities), expressions)
        return [self._of(entity, values) if holds else [] for entity, (holds, *values) in zip(entities, rows, strict=True)]

    def _of(self, entity: Entity, values: Sequence[Any]) -> list[str]:
        if self._plain is not None:
            return self._plain.of(entity)
        if None in values and not self._with_nulls:
            return []
        return [digest(compared(alter(value)) for alter, value in zip(self._alter, values, strict=True))]


def compared(value: Any) -> Any:
    """Return what SQL compares of a number that it computed: 1 equals 1.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def expanded(values: Sequence[Value], label: str) -> Iterator[tuple[Value, ...]]:
    """Yield the combinations of values that a row has: one for each item of a list, if one of them is a list."""
    lists = [at for at, value in enumerate(values) if type(value) is tuple]
    if not lists:
        yield tuple(values)
        return
    if len(lists) > 1:
        raise NotSupportedError(
            f"{label} cannot be unique together: more than one of them is a list, and each item of a list is unique by itself. "
            "Leave one list in the constraint."
        )
    at = lists[0]
    items = values[at]
    assert isinstance(items, tuple)
    for item in items:
        yield (*values[:at], item, *values[at + 1 :])


def reader(column: ColumnMapping) -> Read:
    """Return what reads a column from an entity as a query would: its default where there is none."""
    if column.is_key:
        return lambda entity: entity.key.id_or_name if entity.key is not None else None
    name, default, nullable = column.name, column.column.default, column.nullable
    alter = _collations(getattr(target_of(column.field), "db_collation", None))

    def read(entity: Entity) -> Value:
        value = entity.properties[name] if name in entity.properties else default()
        if value is None and not nullable:
            value = default()
        return alter(value) if alter is not None else value

    return read


def collation(expression: Any) -> Alter:
    """Return what makes the values of an expression equal that its own collation takes for equal."""
    inner = getattr(expression, "expression", expression)  # of OrderBy
    return _collations(getattr(inner, "collation", None)) or (lambda value: value)


def _collations(name: str | None) -> Alter | None:
    """Return what makes texts equal that a collation takes for equal; None for those that compare the texts as they are."""
    alter = _ALTERED.get(name.lower()) if name else None
    return None if alter is None else lambda value: alter(value) if isinstance(value, str) else value


_UPPER_TO_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ALTERED: dict[str, Callable[[str], str]] = {
    "nocase": lambda text: text.translate(_UPPER_TO_LOWER),
    "rtrim": lambda text: text.rstrip(" "),
}


def is_list(field: Any) -> bool:
    """Tell whether a field's values are lists, by the fields that hold items of another one."""
    return hasattr(field, "base_field") or hasattr(field, "item_field_type")
