"""The shape of the rows that a reader wants: a driver compiles a decoder for a shape once and returns plain tuples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.utils import DataError

from .entity import Value
from .key import Key

# The names of the columns that are not properties. The store reserves names of this form, so no property has one.
KEY = "__key__"  # the whole Key
ID = "__id__"  # the id or name that ends the key's path
VERSION = "__version__"  # the entity's version, for a mutation's `base_version`
ENTITY = "__entity__"  # the whole Entity


class Type(Enum):
    """The type that a property's value is expected to have. Null is always allowed."""

    ANY = "any"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"
    GEO = "geo"
    KEY = "key"
    ARRAY = "array"
    ENTITY = "entity"


def null() -> None:
    """Read a missing property as null."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a row: a property, or KEY, ID, VERSION or ENTITY.

    `default` gives the value of an entity that lacks the property; with `nullable` False it replaces a stored null too.
    """

    name: str
    type: Type = Type.ANY
    default: Callable[[], Value] = null
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """Which columns to read, in order. Shapes are compared and hashed by value; keep one, so that its decoder is compiled once.

    A shape whose only columns are KEY, ID and VERSION makes a query keys-only.
    """

    columns: tuple[Column, ...]

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the properties, for a store that can send only these; empty when the whole entity is wanted."""
        return () if self.whole else tuple(c.name for c in self.columns if c.name not in _PSEUDO)

    @property
    def whole(self) -> bool:
        return any(c.name == ENTITY for c in self.columns)

    @property
    def keys_only(self) -> bool:
        return not self.whole and not self.properties


_PSEUDO = frozenset((KEY, ID, VERSION, ENTITY))

Row = tuple[Any, ...]  # values in the order of the shape's columns: Value, Key, int (VERSION) or Entity


@dataclass(frozen=True, slots=True)
class Page:
    """What one RPC of a query returned: its rows, and the cursor after the last of them (None where the store gives none)."""

    rows: list[Row]
    cursor: bytes | None = None


class UnexpectedType(DataError):
    """A stored property has another type than the shape expects."""

    def __init__(self, key: Key | None, column: Column, found: str) -> None:
        super().__init__(
            f"Property {column.name!r} of entity {key} holds a {found}, but a {column.type.value} was expected. "
            "Something else than this field wrote it: convert the stored value, or change the field's type."
        )
        self.key, self.column, self.found = key, column, found
