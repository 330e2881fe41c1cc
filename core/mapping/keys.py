"""Between primary keys and entity keys: nothing else turns one into the other."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..datamodel import Key, Value
from .conversion import INDEXED_BYTES, Refusal

_RESERVED = re.compile(r"__.*__", re.DOTALL)


def check_identifier(ident: Value) -> int | str:
    """Return an id or name that an entity can have, or refuse it."""
    if isinstance(ident, int):
        if ident == 0:
            raise Refusal("is 0, and the store has no key 0")
        return ident
    if not isinstance(ident, str):
        raise Refusal(f"is a {type(ident).__name__}, and a key is an integer or a string")
    if not ident:
        raise Refusal("is the empty string, and a key is never empty")
    if _RESERVED.fullmatch(ident):
        raise Refusal(f"is {ident!r}, and the store reserves the keys of the form __x__")
    if len(ident) > INDEXED_BYTES // 4 and (size := len(ident.encode())) > INDEXED_BYTES:
        raise Refusal(f"has {size} bytes in UTF-8, and a key at most {INDEXED_BYTES}")
    return ident


def is_identifier(ident: Value) -> bool:
    """Tell whether an entity can have this id or name."""
    try:
        check_identifier(ident)
    except Refusal:
        return False
    return True


class FlatKeys:
    """A key without ancestors, whose id or name is the primary key itself."""

    is_flat = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def key(self, values: Sequence[Value], namespace: str) -> Key:
        (ident,) = values
        return Key(((self.kind, check_identifier(ident)),), namespace)

    def values(self, key: Key) -> tuple[Value, ...]:
        return (key.path[-1][1],)


class CompositeKeys:
    """A key whose name is the JSON array of the primary key's columns; these are properties too."""

    is_flat = False

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def key(self, values: Sequence[Value], namespace: str) -> Key:
        name = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=str)
        return Key(((self.kind, check_identifier(name)),), namespace)
