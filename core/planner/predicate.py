"""The planner's own small predicate algebra: immutable, over one model's columns, with SQL's meaning of null.

A predicate is true, false or unknown for a row. `core.planner.logic` turns it into a filter in the store's terms, where nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

from ..datamodel import Key, Op, Value


class NotNativeError(Exception):
    """A query asks for something that the store does not have; the text says what, for messages."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare a property (or KEY) with a value that is not null, by EQ, LT, LE, GT or GE."""

    name: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """Tell whether a property (or KEY) is one of several values. `null_among` them makes the answer unknown where it is not true."""

    name: str
    values: tuple[Value, ...]
    null_among: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class InQuery:
    """Tell whether a property (or KEY) is among the values of another query, which is to be run first. See `resolve`."""

    name: str
    column: Any
    query: Any


@dataclass(frozen=True, slots=True)
class Ancestor:
    key: Key


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """What the store cannot answer: Django's own node, and why, for messages and plugins. `column` is the one column it reads, if one."""

    node: Any
    reason: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Superset:
    """A rewriter's answer that also holds for some rows for which the original does not: these are to be checked again."""

    predicate: Predicate
    original: Opaque


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Predicate


Predicate = Union[Compare, In, InQuery, IsNull, Ancestor, Opaque, Superset, Every, Some, Not, bool]


def resolve(predicate: Predicate, run: Callable[[InQuery], Predicate]) -> Predicate:
    """Return the predicate with each InQuery replaced by what `run` makes of it."""
    match predicate:
        case InQuery():
            return run(predicate)
        case Every(parts):
            return Every(tuple(resolve(part, run) for part in parts))
        case Some(parts):
            return Some(tuple(resolve(part, run) for part in parts))
        case Not(part):
            return Not(resolve(part, run))
        case _:
            return predicate


def has_subquery(predicate: Predicate) -> bool:
    """Tell whether another query has to run before this predicate means anything to the store."""
    match predicate:
        case InQuery():
            return True
        case Every(parts) | Some(parts):
            return any(has_subquery(part) for part in parts)
        case Not(part):
            return has_subquery(part)
        case _:
            return False
