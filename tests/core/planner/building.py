"""Short names for the tests of the planner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kindstore.core.datamodel import KEY, Filter, Key, Op, Order, Test
from kindstore.core.driver import Capabilities

RICH = Capabilities()
LEGACY = replace(
    RICH,
    disjunctions=1,
    not_equal=False,
    not_in_values=0,
    inequality_properties=1,
    inequality_orders_first=True,
    aggregations=frozenset(),
)
BUDGET = 100
STORES = [RICH, LEGACY]
NAMES = ["rich", "legacy"]


def test(name: str, op: str, value: Any) -> Test:
    """Return a test, its operator as in SQL."""
    return Test(name, Op(op), value)


test.__test__ = False  # type: ignore[attr-defined]


def key(ident: int) -> Key:
    return Key((("K", ident),))


def by(*names: str) -> tuple[Order, ...]:
    """Return orders that end with the key; a minus sign turns one round."""
    return (*(Order(name.removeprefix("-"), name.startswith("-")) for name in names), Order(KEY))


def matches(condition: Filter | None, row: dict[str, Any]) -> bool:
    """Tell whether a filter holds for a row, as the store decides it."""
    from kindstore.core.datamodel.matching import compile_filter
    from kindstore.core.datamodel.ordering import MISSING

    if condition is None:
        return True
    return compile_filter(condition, lambda name: lambda subject: subject.get(name, MISSING))(row)
