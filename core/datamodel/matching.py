"""Decides whether a subject satisfies a filter, exactly as the store decides it.

A missing or unindexed property satisfies nothing. Operators compare across types by the total order, so `!=` and NOT IN keep null. Of an
array one element has to satisfy all inequalities of the property, while several equalities may be satisfied by different elements.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import product
from typing import Any, TypeVar

from .filters import inequality_names, leaves
from .key import Key
from .ordering import compile_path, is_sortable, sort_key
from .query import And, Filter, HasAncestor, Op, Or, Test
from .shape import KEY

T = TypeVar("T")
Getter = Callable[[str], Callable[[T], Any]]
Holds = Callable[[Any], bool]
Conjunction = tuple[Test | HasAncestor, ...]

_COMPARE: dict[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
_PLAIN = frozenset((int, str, bytes, datetime))  # types whose own operators agree with the store's order


def compile_filter(filter: Filter, getter: Getter[T]) -> Callable[[T], bool]:  # noqa: A002
    """Compile a filter. `getter(name)` reads a property from a subject, MISSING where no index covers it; `getter(KEY)` reads the key."""
    if _splits_inequalities(filter):  # the elements of an array have to be tested branch by branch
        filter = Or(tuple(And(parts) for parts in normal_form(filter)))  # noqa: A001
    return _compile(filter, getter)


def compile_tests(tests: Sequence[Test]) -> Holds:
    """Compile tests of one property into a predicate of a single value: a scalar, or one element of an array."""
    return _all([_compile_scalar(test) for test in tests])


def normal_form(filter: Filter, *, split_in: bool = False) -> list[Conjunction]:  # noqa: A002
    """Return a filter as an OR of ANDs; `split_in` makes each value of an IN a branch of its own."""
    match filter:
        case And(parts):
            branches = product(*(normal_form(part, split_in=split_in) for part in parts))
            return [tuple(leaf for conjunction in branch for leaf in conjunction) for branch in branches]
        case Or(parts):
            return [branch for part in parts for branch in normal_form(part, split_in=split_in)]
        case Test(name, Op.IN, tuple(values)) if split_in:
            return [(Test(name, Op.EQ, value),) for value in values]
        case _:
            return [(filter,)]


def _compile(filter: Filter, getter: Getter[T]) -> Callable[[T], bool]:  # noqa: A002
    match filter:
        case Test():
            return _compile_property(filter.name, [filter], getter)
        case HasAncestor(key):
            return _compile_ancestor(key, getter(KEY))
        case And():
            return _all(_compile_and(filter, getter))
        case Or(parts):
            return _any([_compile(part, getter) for part in parts])


def _compile_and(filter: And, getter: Getter[T]) -> list[Callable[[T], bool]]:  # noqa: A002
    inequalities: dict[str, list[Test]] = {}
    compiled = []
    for part in _conjuncts(filter):
        if isinstance(part, Test) and part.op.is_inequality:
            inequalities.setdefault(part.name, []).append(part)
        else:
            compiled.append(_compile(part, getter))
    return compiled + [_compile_property(name, tests, getter) for name, tests in inequalities.items()]


def _conjuncts(filter: Filter) -> list[Filter]:  # noqa: A002
    if isinstance(filter, And):
        return [leaf for part in filter.parts for leaf in _conjuncts(part)]
    return [filter]


def _compile_property(name: str, tests: Sequence[Test], getter: Getter[T]) -> Callable[[T], bool]:
    read, holds = compile_path(name, getter), compile_tests(tests)

    def match(subject: T) -> bool:
        value = read(subject)
        return any(map(holds, value)) if type(value) is tuple else holds(value)

    return match


def _compile_ancestor(ancestor: Key, read: Callable[[T], Any]) -> Callable[[T], bool]:
    path, length, namespace = ancestor.path, len(ancestor.path), ancestor.namespace

    def match(subject: T) -> bool:
        key = read(subject)
        return key.path[:length] == path and key.namespace == namespace

    return match


def _compile_scalar(test: Test) -> Holds:
    if test.op in (Op.IN, Op.NOT_IN):
        assert isinstance(test.value, tuple)
        return _compile_membership(test.value, included=test.op is Op.IN)
    if test.op is Op.EQ and (test.value is None or type(test.value) is bool):
        return _compile_identity(test.value)
    return _compile_comparison(_COMPARE[test.op], test.value)


def _compile_identity(operand: bool | None) -> Holds:
    return lambda value: value is operand


def _compile_comparison(compare: Callable[[Any, Any], Any], operand: Any) -> Holds:
    kind, key = type(operand), sort_key(operand)

    def by_sort_key(value: Any) -> bool:
        return is_sortable(value) and bool(compare(sort_key(value), key))

    if kind not in _PLAIN:
        return by_sort_key

    def plain(value: Any) -> bool:
        return compare(value, operand) if type(value) is kind else by_sort_key(value)

    return plain


def _compile_membership(values: tuple[Any, ...], *, included: bool) -> Holds:
    keys = frozenset(map(sort_key, values))
    kinds = set(map(type, values))
    if not included:
        return lambda value: is_sortable(value) and sort_key(value) not in keys
    if kinds == {str}:
        texts = frozenset(values)
        return lambda value: value in texts if type(value) is str else is_sortable(value) and sort_key(value) in keys
    return lambda value: is_sortable(value) and sort_key(value) in keys


def _all(parts: list[Callable[[T], bool]]) -> Callable[[T], bool]:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda subject: first(subject) and second(subject)

    def match(subject: T) -> bool:
        for part in parts:
            if not part(subject):
                return False
        return True

    return match


def _any(parts: list[Callable[[T], bool]]) -> Callable[[T], bool]:
    if len(parts) == 1:
        return parts[0]

    def match(subject: T) -> bool:
        for part in parts:
            if part(subject):
                return True
        return False

    return match


def _splits_inequalities(filter: Filter) -> bool:  # noqa: A002
    """Say whether an AND has inequalities of one property in two of its parts, one of them below an OR."""
    if isinstance(filter, Or):
        return any(map(_splits_inequalities, filter.parts))
    if not isinstance(filter, And):
        return False
    seen: set[str] = set()
    nested: list[set[str]] = []
    for part in _conjuncts(filter):
        names = set(inequality_names(leaves(part)))
        if isinstance(part, Or):
            nested.append(names)
        else:
            seen |= names
    for names in nested:
        if names & seen:
            return True
        seen |= names
    return any(_splits_inequalities(part) for part in _conjuncts(filter))
