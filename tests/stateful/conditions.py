"""Conditions and orders, each as Django's and as plain Python's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from .ledger import Row

# A null satisfies no comparison, but it satisfies its negation: so says Django's exclude().
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "pk": lambda value, operand: value == operand,
    "pk__in": lambda value, operand: value in operand,
    "n": lambda value, operand: value == operand,
    "n__gte": lambda value, operand: value >= operand,
    "n__lt": lambda value, operand: value < operand,
    "n__in": lambda value, operand: value in operand,
    "name": lambda value, operand: value == operand,
    "name__gt": lambda value, operand: value is not None and value > operand,
    "name__isnull": lambda value, operand: (value is None) is operand,
    "bank": lambda value, operand: value == operand,
    "bank__lte": lambda value, operand: value is not None and value <= operand,
    "number": lambda value, operand: value == operand,
    "active": lambda value, operand: value is operand,
}


class Condition(NamedTuple):
    """Tests combined by AND, or by OR; each may be negated."""

    tests: tuple[tuple[str, Any, bool], ...] = ()
    either: bool = False

    @property
    def q(self) -> Q:
        parts = [~Q(**{lookup: value}) if negated else Q(**{lookup: value}) for lookup, value, negated in self.tests]
        return Q(*parts, _connector=Q.OR if self.either else Q.AND)

    @property
    def keys(self) -> set[int]:
        """The primary keys that it names."""
        return {pk for lookup, value, _ in self.tests if lookup.startswith("pk") for pk in (value if lookup == "pk__in" else [value])}

    def holds(self, row: Row) -> bool:
        results = [TESTS[lookup](getattr(row, lookup.partition("__")[0]), value) is not negated for lookup, value, negated in self.tests]
        return not results or (any(results) if self.either else all(results))

    def found(self, rows: dict[int, Row]) -> list[Row]:
        return [row for row in rows.values() if self.holds(row)]


def ordered(rows: Sequence[Row], order: Sequence[str]) -> list[Row]:
    """Sort rows as order_by() does, nulls first."""
    found = list(rows)
    for name in reversed(order):
        found.sort(key=lambda row: _sort_key(getattr(row, name.lstrip("-"))), reverse=name.startswith("-"))
    return found


def _sort_key(value: Any) -> tuple[bool, Any]:
    return value is not None, value
