"""Queries in the store's own terms. Null handling is already explicit: an operator means what the store's total order says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Union

from .entity import Value
from .key import Key


class Op(Enum):
    """The operators of a property filter. They compare across types by the store's total order, in which null is the least."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "IN"
    NOT_IN = "NOT IN"

    @property
    def is_inequality(self) -> bool:
        return self not in (Op.EQ, Op.IN)


@dataclass(frozen=True, slots=True)
class Test:
    """Compare one property with a value; `name` is a property or KEY. IN and NOT_IN take a tuple of values."""

    __test__ = False  # not a test case, whatever pytest makes of the name

    name: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class HasAncestor:
    """Keep the entities below a key, that key included."""

    key: Key


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Filter, ...]


Filter = Union[Test, HasAncestor, And, Or]


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by a property or KEY; null and the other types sort by the store's total order, reversed when descending."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What to read.

    `kind` is None in a kindless query (by key only). `limit` counts results after `offset`; cursors are the store's opaque bytes.
    `distinct_on` keeps the first entity of each group; it needs `projection` to name only indexed properties. With `projection` the
    rows hold just these; a projected array gives a row per element.
    """

    kind: str | None
    namespace: str = ""
    filter: Filter | None = None
    orders: tuple[Order, ...] = ()
    projection: tuple[str, ...] = ()
    distinct_on: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0
    start_cursor: bytes | None = None
    end_cursor: bytes | None = None
