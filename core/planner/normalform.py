"""Disjunctive normal form of filters, for stores that cannot run a filter as it stands."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise, product
from math import prod
from operator import itemgetter

from ..datamodel import And, Filter, HasAncestor, Op, Or, Test, Value
from ..datamodel.filters import disjunctions
from ..datamodel.ordering import sort_key
from .logic import without_implied

Atom = Test | HasAncestor
Conjunct = tuple[Atom, ...]


class TooManyBranches(Exception):
    """The normal form has more conjuncts than the bound allows."""


def cost(filter_: Filter) -> int:
    """Return about how many conjuncts the normal form has when nothing is left to the store."""
    match filter_:
        case Test(_, Op.NE):
            return 2
        case Test(_, Op.NOT_IN, tuple(values)):
            return len(values) + 1
        case And(parts):
            return prod(map(cost, parts))
        case Or(parts):
            return sum(map(cost, parts))
        case _:
            return disjunctions(filter_)


def conjuncts(filter_: Filter, bound: int) -> list[Conjunct]:
    """Return the normal form: != and NOT IN become ranges, IN stays one atom. Raise TooManyBranches beyond `bound` conjuncts."""
    return list(dict.fromkeys(_simplified(c) for c in _expand(filter_, bound)))


def _expand(filter_: Filter, bound: int) -> list[Conjunct]:
    match filter_:
        case Or(parts):
            return _bounded([conjunct for part in parts for conjunct in _expand(part, bound)], bound)
        case And(parts):
            return _product([_expand(part, bound) for part in parts], bound)
        case Test(name, Op.NE, value):
            return _gaps(name, (value,))
        case Test(name, Op.NOT_IN, tuple(values)):
            return _bounded(_gaps(name, values), bound)
        case _:
            return [(filter_,)]


def _product(factors: list[list[Conjunct]], bound: int) -> list[Conjunct]:
    if prod(map(len, factors)) > bound:
        raise TooManyBranches
    return [tuple(atom for conjunct in choice for atom in conjunct) for choice in product(*factors)]


def _bounded(found: list[Conjunct], bound: int) -> list[Conjunct]:
    if len(found) > bound:
        raise TooManyBranches
    return found


def _gaps(name: str, values: Iterable[Value]) -> list[Conjunct]:
    """Return the ranges below, between and above some values, those left out in which no value can lie."""
    ordered = [value for _, value in sorted({sort_key(value): value for value in values}.items(), key=itemgetter(0))]
    between = [(Test(name, Op.GT, low), Test(name, Op.LT, high)) for low, high in pairwise(ordered) if not _adjacent(low, high)]
    return [(Test(name, Op.LT, ordered[0]),), *between, (Test(name, Op.GT, ordered[-1]),)]


def _adjacent(low: Value, high: Value) -> bool:
    return type(low) is int and type(high) is int and high - low == 1


def _simplified(conjunct: Conjunct) -> Conjunct:
    return without_implied(tuple(dict.fromkeys(conjunct)))


def weight(conjunct: Conjunct) -> int:
    """Count the store's disjuncts of one conjunct."""
    return prod(disjunctions(atom) for atom in conjunct)


def split(conjunct: Conjunct, limit: int) -> list[Conjunct]:
    """Split the values of a conjunct's INs over several conjuncts, each of at most `limit` disjuncts."""
    if weight(conjunct) <= limit:
        return [conjunct]
    position = max(range(len(conjunct)), key=lambda i: disjunctions(conjunct[i]))
    longest = conjunct[position]
    assert isinstance(longest, Test)
    values: tuple[object, ...] = longest.value  # type: ignore[assignment]
    size = max(1, limit // max(1, weight(conjunct) // len(values)))
    pieces = [_member(longest.name, values[i : i + size]) for i in range(0, len(values), size)]
    return [part for piece in pieces for part in split((*conjunct[:position], piece, *conjunct[position + 1 :]), limit)]


def _member(name: str, values: tuple[object, ...]) -> Test:
    return Test(name, Op.IN, values) if len(values) > 1 else Test(name, Op.EQ, values[0])  # type: ignore[arg-type]


def rejoin(conjunct: Iterable[Atom]) -> Filter | None:
    """Return a conjunct as a filter, None for the empty one."""
    parts = tuple(conjunct)
    return And(parts) if len(parts) > 1 else (parts[0] if parts else None)
