"""Names of values: two values have the same digest if a unique constraint takes them for equal."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256

from ...core.datamodel import Entity, GeoPoint, Key, Value
from ...core.datamodel.ordering import microseconds

DIGITS = 40
_pack = struct.Struct(">d").pack


def digest(values: Iterable[Value]) -> str:
    """Return the hexadecimal digest of values, in their order."""
    return sha256(b"".join(map(serialised, values))).hexdigest()[:DIGITS]


def serialised(value: Value) -> bytes:
    """Return a form of a value that no other value has, of whatever type."""
    if value is None:
        return b"n"
    tag, form = _FORMS[type(value)]
    content = form(value)
    return b"%c%d:%s" % (tag, len(content), content)


def _float(value: float) -> bytes:
    return b"nan" if math.isnan(value) else _pack(value + 0.0)  # -0.0 + 0.0 is 0.0


def _key(key: Key) -> bytes:
    path = (part for step in key.path for part in step)
    return b"".join(map(serialised, (key.project, key.database, key.namespace, *path)))


def _entity(entity: Entity) -> bytes:
    pairs = sorted(entity.properties.items())
    return b"".join(map(serialised, (entity.key, *(part for pair in pairs for part in pair))))


_FORMS: dict[type, tuple[bytes, Callable[..., bytes]]] = {
    bool: (b"t", lambda value: b"%d" % value),
    int: (b"i", lambda value: b"%d" % value),
    float: (b"f", _float),
    str: (b"s", str.encode),
    bytes: (b"b", bytes),
    datetime: (b"m", lambda value: b"%d" % microseconds(value)),
    GeoPoint: (b"g", lambda value: _float(value.latitude) + _float(value.longitude)),
    Key: (b"k", _key),
    tuple: (b"l", lambda value: b"".join(map(serialised, value))),
    Entity: (b"e", _entity),
}
