"""Computes the expressions of an update that need no SQL: values, columns, sums, differences and products, and a choice by primary key.

Whatever else an expression holds is left to the residual engine.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Case, DecimalField, FloatField, IntegerField, JSONField, Value, When
from django.db.models.expressions import Col, Combinable, CombinedExpression, DatabaseDefault
from django.db.models.lookups import Exact

from ..mapping import ColumnMapping, ModelMapping
from ..mapping.columns import value_field_of
from ..mapping.conversion import LOADERS, Refusal

Compute = Callable[[Sequence[Any]], Any]  # from a row of stored values to a model value
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    Combinable.ADD: operator.add,
    Combinable.SUB: operator.sub,
    Combinable.MUL: operator.mul,
}
_NUMBERS = {int: IntegerField, float: FloatField, Decimal: DecimalField}


class NotComputable(Exception):
    """The expression needs SQL."""


def saved_literal(literal: Any, field: Any) -> Any:
    """Return what `Field.get_db_prep_save` takes for a `Value(...)`: a JSONField tells its own null from the column's by the whole."""
    return literal if isinstance(field, JSONField) and literal.value is None else literal.value


def underlying(expression: Any) -> Any:
    """Return the expression that a field's database default stands for, any other as it is."""
    return expression.expression if isinstance(expression, DatabaseDefault) else expression


class ExpressionCompiler:
    """Compiles expressions over the rows of one model, whose values come in the order of `positions`."""

    def __init__(self, mapping: ModelMapping, positions: dict[str, int], connection: Any) -> None:
        self.mapping, self.positions, self.connection = mapping, positions, connection

    def compile(self, expression: Any, field: Any) -> Compute:
        """Return a function that computes an expression for a row, or raise NotComputable."""
        if isinstance(value_field_of(field), (IntegerField, FloatField, DecimalField)) or not isinstance(expression, CombinedExpression):
            return self._compile(expression, field)
        raise NotComputable

    def _compile(self, expression: Any, field: Any) -> Compute:
        kind = type(expression)
        if kind is Value:
            return _constant(expression.value)
        if kind is Col:
            return self._column(expression, field)
        if kind is CombinedExpression and expression.connector in _OPERATORS:
            return self._combined(expression, field)
        if kind is Case:
            return self._case(expression, field)
        raise NotComputable

    def _column(self, expression: Any, field: Any) -> Compute:
        column = self.mapping.by_field.get(expression.target)
        if column is None or column.column_type != self.mapping.by_field[field].column_type or column.name not in self.positions:
            raise NotComputable
        if hasattr(column.value_field, "from_db_value"):
            raise NotComputable
        position, load = self.positions[column.name], LOADERS.get(column.column_type)
        if load is None:
            return operator.itemgetter(position)
        return lambda row: None if row[position] is None else load(row[position])

    def _combined(self, expression: Any, field: Any) -> Compute:
        apply = _OPERATORS[expression.connector]
        left, right = self._number(expression.lhs, field), self._number(expression.rhs, field)

        def compute(row: Sequence[Any]) -> Any:
            first, second = left(row), right(row)
            return None if first is None or second is None else apply(first, second)

        return compute

    def _number(self, expression: Any, field: Any) -> Compute:
        """Compile an operand; its type must be the column's, so that Python computes what SQL would."""
        if type(expression) is Value and expression.value is not None and not _same_number(expression.value, value_field_of(field)):
            raise NotComputable
        return self._compile(expression, field)

    def _case(self, expression: Any, field: Any) -> Compute:
        """Compile a choice among constants by primary key, as bulk_update() writes it."""
        choices = {self._chosen_key(case): self._compile(case.result, field) for case in reversed(expression.cases)}  # the first one counts
        otherwise = self._compile(expression.default, field)
        position = self.positions.get(self.mapping.key_column.name)
        if position is None:
            raise NotComputable
        return lambda row: choices.get(row[position], otherwise)(row)

    def _chosen_key(self, case: When) -> Any:
        conditions = getattr(case.condition, "children", [case.condition])
        if len(conditions) != 1 or getattr(case.condition, "negated", False) or not isinstance(conditions[0], Exact):
            raise NotComputable
        lookup, column = conditions[0], self._key_column(conditions[0])
        if not lookup.rhs_is_direct_value():
            raise NotComputable
        try:
            return column.compare(column.value_field.get_db_prep_value(lookup.rhs, self.connection, prepared=True))
        except Refusal:
            raise NotComputable from None

    def _key_column(self, lookup: Any) -> ColumnMapping:
        if self.mapping.is_composite or type(lookup.lhs) is not Col or lookup.lhs.target is not self.mapping.key_column.field:
            raise NotComputable
        return self.mapping.key_column


def _constant(value: Any) -> Compute:
    return lambda _row: value


def _same_number(value: Any, field: Any) -> bool:
    expected = _NUMBERS.get(type(value))
    return expected is not None and isinstance(field, expected)
