"""A second, slow statement of what a query means: look at every entity, keep what matches, sort, cut. For comparison with the driver."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cmp_to_key
from itertools import product
from typing import Any

from kindstore.core.datamodel import KEY, And, Entity, GeoPoint, HasAncestor, Key, Op, Or, Order, Query, Test

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def compare(a: Any, b: Any) -> int:
    """Compare two values as the store does: -1, 0 or 1."""
    ranks = _rank(a), _rank(b)
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if isinstance(a, float):
        return _compare_floats(a, b)
    if isinstance(a, Key):
        return _sign(_path(a), _path(b))
    a, b = _plain(a), _plain(b)
    return _sign(a, b)


def run(query: Query, entities: Iterable[Entity]) -> list[Entity]:
    """Return a query's results, by looking at everything."""
    branches = [[]] if query.filter is None else _branches(query.filter)
    orders = _orders(query)
    placed = []
    for entity in entities:
        places = [place for branch in branches for place in _places(entity, branch, orders)]
        if places:
            placed.append((min(places, key=cmp_to_key(lambda a, b: _compare_places(a, b, orders))), entity))
    placed.sort(key=cmp_to_key(lambda a, b: _compare_places(a[0], b[0], orders)))
    results = [entity for _, entity in placed]
    end = None if query.limit is None else query.offset + query.limit
    return results[query.offset : end]


def _places(entity: Entity, branch: list[Any], orders: list[Order]) -> list[list[Any]]:
    """Return where an entity stands in a branch's results: [] when it is no result, several for an array."""
    for leaf in branch:
        if isinstance(leaf, HasAncestor) and entity.key.path[: len(leaf.key.path)] != leaf.key.path:
            return []
    tests = [leaf for leaf in branch if isinstance(leaf, Test)]
    choices = []
    for name in {test.name for test in tests} | {order.name for order in orders}:
        values = _values(entity, name)
        mine = [test for test in tests if test.name == name]
        if not all(any(_holds(test, value) for value in values) for test in mine if not test.op.is_inequality):
            return []
        kept = [value for value in values if all(_holds(test, value) for test in mine if test.op.is_inequality)]
        if not kept:
            return []
        choices.append((name, kept))
    names = [name for name, _ in choices]
    combined = [dict(zip(names, values, strict=True)) for values in product(*(kept for _, kept in choices))]
    return [[one[order.name] for order in orders] for one in combined]


def _orders(query: Query) -> list[Order]:
    orders = list(query.orders)
    descending = orders[-1].descending if orders else False
    unequal = sorted({test.name for branch in _all_tests(query.filter) for test in branch if test.op.is_inequality} - {KEY})
    for name in [*unequal, KEY]:
        if name not in [order.name for order in orders]:
            orders.append(Order(name, descending))
    return orders


def _all_tests(filter: Any) -> list[list[Test]]:  # noqa: A002
    if filter is None:
        return []
    return [[leaf for leaf in branch if isinstance(leaf, Test)] for branch in _branches(filter)]


def _branches(filter: Any) -> list[list[Any]]:  # noqa: A002
    if isinstance(filter, Or):
        return [branch for part in filter.parts for branch in _branches(part)]
    if isinstance(filter, And):
        return [[leaf for part in parts for leaf in part] for parts in product(*map(_branches, filter.parts))]
    return [[filter]]


def _values(entity: Entity, name: str) -> list[Any]:
    if name == KEY:
        return [entity.key]
    if name in entity.unindexed or name not in entity.properties:
        return []
    value = entity.properties[name]
    return [v for v in (value if isinstance(value, tuple) else (value,)) if not isinstance(v, Entity)]


def _holds(test: Test, value: Any) -> bool:
    if test.op is Op.IN:
        return any(compare(value, operand) == 0 for operand in test.value)
    if test.op is Op.NOT_IN:
        return all(compare(value, operand) != 0 for operand in test.value)
    order = compare(value, test.value)
    return {
        Op.EQ: order == 0,
        Op.NE: order != 0,
        Op.LT: order < 0,
        Op.LE: order <= 0,
        Op.GT: order > 0,
        Op.GE: order >= 0,
    }[test.op]


def _compare_places(a: list[Any], b: list[Any], orders: list[Order]) -> int:
    for one, other, order in zip(a, b, orders, strict=True):
        result = compare(one, other)
        if result:
            return -result if order.descending else result
    return 0


def _rank(value: Any) -> int:
    for rank, kinds in enumerate(((type(None),), (bool,), (str, bytes), (float,), (GeoPoint,), (Key,))):
        if isinstance(value, kinds):
            return rank * 10 + (5 if value is True else 0)
    return 5


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round((value - EPOCH).total_seconds() * 1_000_000)
    if isinstance(value, str):
        return value.encode()
    return (value.latitude, value.longitude) if isinstance(value, GeoPoint) else 0 if value is None else value


def _path(key: Key) -> list[Any]:
    return [part for kind, ident in key.path for part in (kind.encode(), isinstance(ident, str), ident)]


def _compare_floats(a: float, b: float) -> int:
    if math.isnan(a) or math.isnan(b):
        return _sign(math.isnan(a), math.isnan(b))
    return _sign((a, math.copysign(1, a)), (b, math.copysign(1, b))) if a == b == 0 else _sign(a, b)


def _sign(a: Any, b: Any) -> int:
    return (a > b) - (a < b)
