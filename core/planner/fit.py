"""How a store can answer a filter with orders: one query, several to be merged, or a superset to be checked again."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from ..datamodel import KEY, And, Filter, Op, Or, Order, Test
from ..datamodel.filters import count_tests, disjunctions, has_or, inequality_names, property_tests
from ..driver import Capabilities
from .logic import Truth, is_not_null
from .normalform import Conjunct, TooManyBranches, conjuncts, cost, rejoin, split, weight

_PLAIN = (Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE)  # one of these alone is a query of every store


@dataclass(frozen=True, slots=True)
class Fit:
    """The queries' filters (None: no condition), what to check of their rows, and whether they come in the order that is wanted."""

    branches: tuple[Filter | None, ...]
    recheck: Filter | None = None
    ordered: bool = True


_EVERYTHING = Fit((None,))


def is_plain(truth: Truth) -> bool:
    """Tell whether there is no condition, or one that any store takes, so that one query answers it."""
    return truth is True or (type(truth) is Test and truth.op in _PLAIN)


def fit(filter_: Filter | None, orders: Sequence[Order], capabilities: Capabilities, budget: int) -> Fit:
    """Fit a filter to a store's capabilities. Raise TooManyBranches where it takes more than `budget` queries."""
    if filter_ is None:
        return _EVERYTHING
    if _runs_as_it_is(filter_, orders, capabilities):
        return Fit((filter_,), ordered=_in_order([filter_], orders, capabilities))
    without_keys = _without_exclusions(filter_, {KEY})
    if without_keys != filter_:  # each of these keys is one row: to read and drop it is cheaper than a query
        return replace(fit(without_keys, orders, capabilities, budget), recheck=filter_)
    try:
        return _split(filter_, orders, capabilities, budget)
    except TooManyBranches:
        simpler = _without_costliest(filter_)
        return replace(fit(simpler, orders, capabilities, budget), recheck=filter_)


def _without_exclusions(filter_: Filter, names: Container[str]) -> Filter | None:
    """Leave the conjuncts out that exclude values of some properties."""
    parts = filter_.parts if isinstance(filter_, And) else (filter_,)
    return rejoin(part for part in parts if not (_excludes(part) and part.name in names))  # type: ignore[union-attr,misc]


def _without_costliest(filter_: Filter) -> Filter | None:
    """Leave the conjunct out that multiplies the branches most. What remains must still narrow the rows, unless it excluded only a few."""
    parts: list[Filter] = list(filter_.parts) if isinstance(filter_, And) else [filter_]
    costliest = max(parts, key=cost)
    parts.remove(costliest)
    if cost(costliest) == 1 or not (_excludes(costliest) or any(_narrows(part) for part in parts)):
        raise TooManyBranches
    return rejoin(parts)  # type: ignore[arg-type]


def _narrows(part: Filter) -> bool:
    return not _excludes(part) and not (isinstance(part, Test) and is_not_null(part))


def _excludes(part: Filter) -> bool:
    return isinstance(part, Test) and part.op in (Op.NE, Op.NOT_IN)


def _split(filter_: Filter, orders: Sequence[Order], capabilities: Capabilities, budget: int) -> Fit:
    """Cut a filter into the branches of its normal form, and put these into as few queries as the store takes."""
    found = conjuncts(filter_, budget * capabilities.disjunctions)
    parts = [part for conjunct in found for part in split(conjunct, _most_disjunctions(conjunct, orders, capabilities))]
    narrowed = [_narrow(part, orders, capabilities) for part in parts]
    branches = _packed(narrowed, orders, capabilities)
    if len(branches) > budget:
        raise TooManyBranches
    recheck = filter_ if narrowed != parts else None
    return Fit(branches, recheck, _in_order([b for b in branches if b is not None], orders, capabilities))


def _most_disjunctions(conjunct: Conjunct, orders: Sequence[Order], capabilities: Capabilities) -> int:
    """Return how many values the INs of a conjunct may have in one query, for each of them counts as a test."""
    if capabilities.filters_and_orders is None:
        return capabilities.disjunctions
    return max(1, min(capabilities.disjunctions, capabilities.filters_and_orders - len(orders) - len(conjunct)))


def _runs_as_it_is(filter_: Filter, orders: Sequence[Order], capabilities: Capabilities) -> bool:
    if is_plain(filter_) and not orders:
        return True
    found = list(property_tests(filter_))
    unequal = [test for test in found if test.op in (Op.NE, Op.NOT_IN)]
    return (
        disjunctions(filter_) <= capabilities.disjunctions
        and (capabilities.disjunctions > 1 or not has_or(filter_))
        and len(unequal) <= (1 if capabilities.not_equal else 0)
        and all(_not_in_fits(test, filter_, capabilities) for test in unequal if test.op is Op.NOT_IN)
        and _within(len(inequality_names(found)), capabilities.inequality_properties)
        and _within(count_tests(found) + len(orders), capabilities.filters_and_orders)
    )


def _not_in_fits(test: Test, filter_: Filter, capabilities: Capabilities) -> bool:
    return len(test.value) <= capabilities.not_in_values and disjunctions(filter_) == 1 and not has_or(filter_)  # type: ignore[arg-type]


def _within(count: int, limit: int | None) -> bool:
    return limit is None or count <= limit


def _narrow(conjunct: Conjunct, orders: Sequence[Order], capabilities: Capabilities) -> Conjunct:
    """Leave out the inequalities that the store cannot take together; the tests that say least go first."""
    limit = capabilities.inequality_properties
    properties = inequality_names(conjunct)
    if _within(len(properties), limit):
        return conjunct
    first_order = orders[0].name if orders else None
    telling = {test.name for test in conjunct if isinstance(test, Test) and test.op.is_inequality and not is_not_null(test)}
    ranked = sorted(properties, key=lambda name: (name not in telling, name != first_order))
    kept = set(ranked[:limit])
    return tuple(atom for atom in conjunct if not (isinstance(atom, Test) and atom.op.is_inequality and atom.name not in kept))


def _packed(parts: list[Conjunct], orders: Sequence[Order], capabilities: Capabilities) -> tuple[Filter | None, ...]:
    """Put as many conjuncts into one query as it takes."""
    bins: list[list[Conjunct]] = []
    for part in dict.fromkeys(parts):
        if bins and _packs([*bins[-1], part], orders, capabilities):
            bins[-1].append(part)
        else:
            bins.append([part])
    return tuple(_any_of([rejoin(part) for part in group]) for group in bins)


def _packs(group: list[Conjunct], orders: Sequence[Order], capabilities: Capabilities) -> bool:
    atoms = [atom for part in group for atom in part]
    return (
        sum(map(weight, group)) <= capabilities.disjunctions
        and _within(len(inequality_names(atoms)), capabilities.inequality_properties)
        and _within(count_tests(atoms) + len(orders), capabilities.filters_and_orders)
    )


def _any_of(filters: list[Filter | None]) -> Filter | None:
    known = [filter_ for filter_ in filters if filter_ is not None]
    if len(known) < len(filters):
        return None
    return Or(tuple(known)) if len(known) > 1 else known[0]


def _in_order(branches: Sequence[Filter], orders: Sequence[Order], capabilities: Capabilities) -> bool:
    if not orders or not capabilities.inequality_orders_first:
        return True
    return all(inequality_names(property_tests(branch))[:1] in ([], [orders[0].name]) for branch in branches)
