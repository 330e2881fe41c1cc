"""Between primary keys and entity keys: nothing else turns one into the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from django.db.utils import DataError

from ..datamodel import Key, Row, Value
from .conversion import INDEXED_BYTES, Refusal
from .names import NAMINGS

_RESERVED = re.compile(r"__.*__", re.DOTALL)


Restore = Callable[[list[Row]], list[Row]]


def check_identifier(ident: Value) -> int | str:
    """Return an id or name that an entity can have, or refuse it."""
    if type(ident) is int:
        return ident
    if not isinstance(ident, str):
        raise Refusal(f"is a {type(ident).__name__}, and a key is an integer or a string")
    if _RESERVED.fullmatch(ident):
        raise Refusal(f"is {ident!r}, and the store reserves the keys of the form __x__")
    if len(ident) > INDEXED_BYTES // 4 and (size := len(ident.encode())) > INDEXED_BYTES:
        raise Refusal(f"has {size} bytes in UTF-8, and a key at most {INDEXED_BYTES}")
    return ident


class FlatKeys:
    """A key without ancestors, whose id or name is the primary key itself, or stands for it (`names`)."""

    is_flat = True

    def __init__(self, kind: str, column_type: str) -> None:
        self.kind, self.column_type = kind, column_type
        self.naming = NAMINGS[column_type]

    def key(self, values: Sequence[Value], namespace: str) -> Key:
        (value,) = values
        return Key(((self.kind, self._ident(value)),), namespace)

    def _ident(self, value: Value) -> int | str:
        if value is None:
            raise Refusal("is null, which names no entity")
        return check_identifier(value if self.naming is None else self.naming.name(value))

    def accepts(self, value: Value) -> bool:
        """Tell whether an entity can have this primary key."""
        try:
            self._ident(value)
        except Refusal:
            return False
        return True

    def value(self, key: Key) -> Value:
        """Return the primary key of a key; raise DataError for one that stands for none."""
        return self._value(key.id_or_name)

    def _value(self, ident: int | str) -> Value:
        if self.naming is None:
            return ident
        try:
            value = self.naming.value(ident)
            if self.naming.is_itself is not None or self.naming.name(value) == ident:
                return value
        except (ValueError, TypeError, KeyError):
            pass
        raise DataError(
            f"The key {ident!r} of the kind {self.kind} stands for no {self.column_type}, which the primary key of its model is. "
            "Something else than this model wrote the entity: delete it, or change the field's type."
        )

    def restorer(self, at: int) -> Restore | None:
        """Return what puts primary keys in the places of the ids and names at a position of rows; None where they are the same."""
        if self.naming is None:
            return None

        def restore(rows: list[Row]) -> list[Row]:
            return (
                rows if not rows or self._are_themselves(rows, at) else [(*row[:at], self._value(row[at]), *row[at + 1 :]) for row in rows]
            )

        return restore

    def _are_themselves(self, rows: list[Row], at: int) -> bool:
        if self.naming is None or self.naming.is_itself is None:
            return False
        try:
            return self.naming.is_itself(min([row[at] for row in rows]))
        except TypeError:  # ids and names
            return False


class CompositeKeys:
    """A key whose name is the JSON array of the primary key's columns; these are properties too."""

    is_flat = False

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def key(self, values: Sequence[Value], namespace: str) -> Key:
        name = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=str)
        return Key(((self.kind, check_identifier(name)),), namespace)

    def value(self, key: Key) -> Any:
        """Return the primary key of a key, as a tuple of its columns in the form that JSON gives them."""
        return tuple(json.loads(str(key.id_or_name)))

    def restorer(self, at: int) -> Restore | None:  # noqa: ARG002 - no column of a row is the key
        return None
