"""From predicates to filters: SQL's three-valued logic becomes explicit conditions on null, by the store's total order.

`when_true` gives the filter of the rows for which a predicate is true, `when_false` of those for which it is false; the rows for which
it is unknown are in neither. True and False stand for "every row" and "no row". Null is the least of all values in the store, so that
"less than" alone would also find the rows with null, and "not equal" alone too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, Union, cast

from ..datamodel import KEY, And, Filter, HasAncestor, Op, Or, Test, Value
from ..mapping.conversion import INDEXED_BYTES
from .predicate import Ancestor, Compare, Every, In, InQuery, IsNull, Not, NotNativeError, Opaque, Predicate, Some, Superset

Truth = Union[Filter, bool]
F = TypeVar("F")
_OPPOSITE = {Op.EQ: Op.NE, Op.LT: Op.GE, Op.LE: Op.GT, Op.GT: Op.LE, Op.GE: Op.LT}
_FINDS_NULL = frozenset((Op.NE, Op.LT, Op.LE))


def exact_filter(predicate: Predicate) -> Truth:
    """Return the filter of exactly the rows for which a predicate is true, or raise NotNativeError."""
    return _Translation(_refuse).when_true(predicate)


def superset_filter(predicate: Predicate) -> Truth:
    """Return a filter of at least the rows for which a predicate is true: what the store cannot answer is left out."""
    return _Translation(lambda _: True).when_true(predicate)


def _refuse(opaque: Opaque) -> Truth:
    raise NotNativeError(opaque.reason)


class _Translation:
    def __init__(self, opaque: Callable[[Opaque], Truth]) -> None:
        self.opaque = opaque

    def when_true(self, predicate: Predicate) -> Truth:
        match predicate:
            case bool():
                return predicate
            case Compare(name, op, value):
                return _test(name, op, value)
            case In(name, values):
                return _one_of(name, values)
            case InQuery():
                return self.opaque(_unresolved(predicate))
            case IsNull(name):
                return False if name == KEY else Test(name, Op.EQ, None)
            case Every(parts):
                return conjunction(self.when_true(part) for part in parts)
            case Some(parts):
                return disjunction(self.when_true(part) for part in parts)
            case Not(part):
                return self.when_false(part)
            case Ancestor(key):
                return HasAncestor(key)
            case Superset(part, original):
                return conjunction((self.when_true(part), self.opaque(original)))
            case Opaque():
                return self.opaque(predicate)

    def when_false(self, predicate: Predicate) -> Truth:
        match predicate:
            case bool():
                return not predicate
            case Compare(name, op, value):
                return _test(name, _OPPOSITE[op], value)
            case In(name, values, null_among):
                return False if null_among else _none_of(name, values)
            case InQuery():
                return self.opaque(_unresolved(predicate))
            case IsNull(name):
                return True if name == KEY else Test(name, Op.GT, None)
            case Every(parts):
                return disjunction(self.when_false(part) for part in parts)
            case Some(parts):
                return conjunction(self.when_false(part) for part in parts)
            case Not(part):
                return self.when_true(part)
            case Ancestor(key):
                return self.opaque(Opaque(predicate, f"the store cannot exclude the descendants of {key}", KEY))
            case Superset(_, original):
                return self.opaque(original)
            case Opaque():
                return self.opaque(predicate)


def _unresolved(predicate: InQuery) -> Opaque:
    return Opaque(predicate.query, "the inner query has not been run", predicate.name)


def _test(name: str, op: Op, value: object) -> Truth:
    if is_oversized(value) and name != KEY:  # no indexed value equals it, and the store refuses to look for it
        return False if op is Op.EQ else Test(name, Op.GT, None)
    test = Test(name, op, value)  # type: ignore[arg-type]
    if op in _FINDS_NULL and name != KEY:
        return And((Test(name, Op.GT, None), test))
    return test


def _one_of(name: str, values: tuple[object, ...]) -> Truth:
    values = tuple(value for value in values if not is_oversized(value))
    if not values:
        return False
    if len(values) == 1:
        return Test(name, Op.EQ, values[0])  # type: ignore[arg-type]
    return Test(name, Op.IN, values)  # type: ignore[arg-type]


def _none_of(name: str, values: tuple[object, ...]) -> Truth:
    if not values:
        return True
    values = tuple(value for value in values if not is_oversized(value)) or values[:1]
    if len(values) == 1:
        return _test(name, Op.NE, values[0])
    test = Test(name, Op.NOT_IN, values)  # type: ignore[arg-type]
    return test if name == KEY else And((Test(name, Op.GT, None), test))


_ABOVE_NULL = frozenset((Op.EQ, Op.GT, Op.GE))


def is_not_null(test: Test) -> bool:
    return test.op is Op.GT and test.value is None


def without_implied(parts: tuple[F, ...]) -> tuple[F, ...]:
    """Drop "greater than null" where another test of the property says as much."""
    known = {part.name for part in parts if isinstance(part, Test) and _implies_value(part)}
    return tuple(part for part in parts if not (isinstance(part, Test) and is_not_null(part) and part.name in known))


def _implies_value(test: Test) -> bool:
    """Tell whether a test holds for no null, though it does not say so."""
    if test.op is Op.IN:
        return None not in cast("tuple[Value, ...]", test.value)
    return test.op in _ABOVE_NULL and test.value is not None


def is_oversized(value: object) -> bool:
    """Tell whether a string or byte string is longer than an index entry, so that no indexed property holds it."""
    if not isinstance(value, (str, bytes)) or len(value) <= INDEXED_BYTES // 4:
        return False
    return len(value.encode() if isinstance(value, str) else value) > INDEXED_BYTES


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Join filters by AND; nested ones are flattened and repeated ones dropped."""
    parts: dict[Filter, None] = {}
    for truth in truths:
        if truth is False:
            return False
        if truth is not True:
            parts.update(dict.fromkeys(truth.parts if isinstance(truth, And) else (truth,)))
    kept = without_implied(tuple(parts))
    return And(kept) if len(kept) > 1 else next(iter(kept), True)


def disjunction(truths: Iterable[Truth]) -> Truth:
    """Join filters by OR; nested ones are flattened and repeated ones dropped."""
    parts: dict[Filter, None] = {}
    for truth in truths:
        if truth is True:
            return True
        if truth is not False:
            parts.update(dict.fromkeys(truth.parts if isinstance(truth, Or) else (truth,)))
    return Or(tuple(parts)) if len(parts) > 1 else next(iter(parts), False)
