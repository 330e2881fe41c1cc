"""The store's total order across types.

null < integers and timestamps (as microseconds since 1970) < false < true < byte strings and strings (by their UTF-8 bytes)
< floats (-inf .. -0.0 < 0.0 .. inf < NaN) < geo points < keys. Arrays and embedded entities have no place in it, but arrays sort by one of
their elements; to be total, `sort_key` puts them last.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from .entity import Entity, GeoPoint, Value
from .key import Key, Path
from .query import Order

T = TypeVar("T")
SortKey = tuple[int, Any]  # the rank of the value's type, and what orders it among its rank


class Missing:
    """The type of MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()  # what a getter returns for a property that is absent, or that no index covers

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_pack_double = struct.Struct(">d").pack
_unpack_bits = struct.Struct(">q").unpack
_NAN = (5, 2**63)


class NotText:
    """A byte string that is not UTF-8, comparable with strings. (One that is UTF-8 sorts as the string itself.)"""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __eq__(self, other: object) -> bool:
        return type(other) is NotText and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __lt__(self, other: str | NotText) -> bool:
        return self.raw < _raw(other)

    def __le__(self, other: str | NotText) -> bool:
        return self.raw <= _raw(other)

    def __gt__(self, other: str | NotText) -> bool:
        return self.raw > _raw(other)

    def __ge__(self, other: str | NotText) -> bool:
        return self.raw >= _raw(other)

    def __repr__(self) -> str:
        return f"NotText({self.raw!r})"


class Descending:
    """A sort key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return type(other) is Descending and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __lt__(self, other: Descending) -> bool:
        return bool(other.key < self.key)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def moment_of(micros: int) -> datetime:
    """Return microseconds since 1970 as an aware datetime."""
    return EPOCH + timedelta(microseconds=micros)


def path_key(path: Path) -> tuple[int | str, ...]:
    """Return what orders a key's path: parents before children, ids before names, negative ids first."""
    if len(path) == 1:
        kind, ident = path[0]
        return (kind, 0, ident) if type(ident) is int else (kind, 1, ident)
    return tuple(part for kind, ident in path for part in (kind, 1 if isinstance(ident, str) else 0, ident))


def sort_key(value: Value | Missing) -> SortKey:
    """Return what orders a value among all values; it is hashable, and equal only for values that the store takes for equal."""
    return _SORT_KEYS[type(value)](value)


def is_sortable(value: Value | Missing) -> bool:
    """Say whether a value has an index row of its own."""
    return type(value) not in _UNSORTABLE


def compile_path(name: str, getter: Callable[[str], Callable[[T], Any]]) -> Callable[[T], Any]:
    """Compile a reader of a property, or of a property of an embedded entity (`a.b`), from what reads properties."""
    literal = getter(name)
    if "." not in name:
        return literal
    head, _, rest = name.partition(".")
    outer = getter(head)
    path = tuple(rest.split("."))

    def read(subject: T) -> Any:
        value = literal(subject)
        return _descend(outer(subject), path) if value is MISSING else value

    return read


def compile_sort_key(orders: Sequence[Order], getter: Callable[[str], Callable[[T], Any]]) -> Callable[[T], Any]:
    """Compile the sort key of subjects. An array sorts by its least element, or its greatest when descending; MISSING sorts first."""
    parts = [_compile_part(compile_path(order.name, getter), descending=order.descending) for order in orders]
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda subject: (first(subject), second(subject))
    return lambda subject: tuple([part(subject) for part in parts])


def _compile_part(read: Callable[[T], Any], *, descending: bool) -> Callable[[T], Any]:
    choose = max if descending else min

    def ascending_key(subject: T) -> SortKey:
        value = read(subject)
        if type(value) is tuple:
            return choose((sort_key(element) for element in value if is_sortable(element)), default=_ABSENT)
        return _SORT_KEYS[type(value)](value)

    return (lambda subject: Descending(ascending_key(subject))) if descending else ascending_key


def _descend(value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return value
    if type(value) is tuple:
        found = tuple(leaf for element in value for leaf in _leaves(_descend(element, path)))
        return found or MISSING
    if type(value) is not Entity:
        return MISSING
    for length in range(len(path), 0, -1):  # a name may hold dots itself
        name = ".".join(path[:length])
        if name in value.properties and name not in value.unindexed:
            return _descend(value.properties[name], path[length:])
    return MISSING


def _leaves(value: Any) -> Iterator[Any]:
    if type(value) is tuple:
        yield from value
    elif value is not MISSING:
        yield value


def _raw(text: str | NotText) -> bytes:
    return text.encode() if isinstance(text, str) else text.raw


def _bytes_key(value: bytes) -> SortKey:
    try:
        return (4, value.decode())
    except UnicodeDecodeError:
        return (4, NotText(value))


def _float_bits(value: float) -> int:
    (bits,) = _unpack_bits(_pack_double(value))
    return int(bits if bits >= 0 else -(2**63) - 1 - bits)


def _float_key(value: float) -> SortKey:
    return _NAN if value != value else (5, _float_bits(value))


def _geo_key(value: GeoPoint) -> SortKey:
    return (6, (value.latitude + 0.0, value.longitude + 0.0))


def _key_key(value: Key) -> SortKey:
    return (7, (value.project or "", value.database or "", value.namespace, path_key(value.path)))


def _array_key(value: tuple[Value, ...]) -> SortKey:
    return (8, tuple(map(sort_key, value)))


def _entity_key(value: Entity) -> SortKey:
    key = () if value.key is None else _key_key(value.key)
    return (9, (key, tuple((name, sort_key(value.properties[name])) for name in sorted(value.properties))))


_NULL, _FALSE, _TRUE, _ABSENT = (0, 0), (2, 0), (3, 0), (-1, 0)
_UNSORTABLE = frozenset((Missing, tuple, Entity))
_SORT_KEYS: dict[type, Callable[[Any], SortKey]] = {
    Missing: lambda value: _ABSENT,
    type(None): lambda value: _NULL,
    int: lambda value: (1, value),
    datetime: lambda value: (1, (value - EPOCH) // _MICROSECOND),
    bool: lambda value: _TRUE if value else _FALSE,
    str: lambda value: (4, value),
    bytes: _bytes_key,
    float: _float_key,
    GeoPoint: _geo_key,
    Key: _key_key,
    tuple: _array_key,
    Entity: _entity_key,
}
