"""Walks over a filter: what it tests, and how the stores count that. Drivers and the planner ask the same questions here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from .query import And, Filter, HasAncestor, Op, Or, Test


def leaves(filter: Filter | None) -> Iterator[Test | HasAncestor]:  # noqa: A002
    """Yield the conditions of a filter, in order; none of no filter."""
    if isinstance(filter, (And, Or)):
        for part in filter.parts:
            yield from leaves(part)
    elif filter is not None:
        yield filter


def property_tests(filter: Filter | None) -> Iterator[Test]:  # noqa: A002
    """Yield the property tests of a filter, in order."""
    return (leaf for leaf in leaves(filter) if isinstance(leaf, Test))


def disjunctions(filter: Filter) -> int:  # noqa: A002
    """Return how many branches the normal form has, each value of an IN a branch."""
    match filter:
        case And(parts):
            return prod(map(disjunctions, parts))
        case Or(parts):
            return sum(map(disjunctions, parts))
        case Test(op=Op.IN, value=tuple(values)):
            return len(values)
    return 1


def count_tests(conditions: Iterable[object]) -> int:
    """Count conditions as the stores do for their limit of filters and orders: each value of an IN or a NOT IN is one."""
    return sum(len(c.value) if isinstance(c, Test) and c.op in _LISTS and isinstance(c.value, tuple) else 1 for c in conditions)


def inequality_names(conditions: Iterable[object]) -> list[str]:
    """Return the properties on which there are inequalities, each once, in order."""
    return list(dict.fromkeys(c.name for c in conditions if isinstance(c, Test) and c.op.is_inequality))


def has_or(filter: Filter | None) -> bool:  # noqa: A002
    """Return whether there is an OR in a filter, even one of a single part."""
    return isinstance(filter, Or) or (isinstance(filter, And) and any(map(has_or, filter.parts)))


_LISTS = (Op.IN, Op.NOT_IN)
