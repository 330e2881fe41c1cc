"""The store's limits on what is written: each value's type, range and size, and the entity's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ...core.datamodel import Entity, GeoPoint, Key, Value
from ...core.datamodel.entity import INT_MAX, INT_MIN
from ...core.datamodel.errors import InvalidRequest
from ...core.driver import Capabilities
from .keys import check_key, check_name, utf8_size
from .record import Signature

MAX_NESTING = 20
_FIXED: dict[type, int] = {type(None): 1, bool: 1, float: 8}  # types that need no check, and their sizes
_REBUILT = frozenset((tuple, Entity))  # types that may have to be brought into the form in which we keep them
Check = Callable[[Any, str, bool, Capabilities], int]


class _OtherZone(Exception):
    """A datetime is not in UTC yet."""


class Signatures:
    """Interns signatures and checks entities against the limits; what depends on names and types alone is checked once for each."""

    capacity = 20_000  # forgotten beyond it; that costs only memory, as records keep theirs

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._known: dict[tuple[Any, ...], Signature | None] = {}  # None: values of these types have to be rebuilt first

    def accept(self, key: Key, properties: Mapping[str, Value], unindexed: frozenset[str]) -> tuple[Signature, tuple[Any, ...], int]:
        """Return an entity's signature, its values as they are kept, and its size; or raise InvalidRequest."""
        names = tuple(properties)
        values = tuple(properties.values())
        types = tuple(map(type, values))
        try:
            signature = self._known[names, types, unindexed]
        except KeyError:
            signature = self._learn(names, types, unindexed)
        if signature is not None:
            try:
                return signature, values, self._check(key, signature, values)
            except _OtherZone:
                pass
        values = tuple(map(_rebuild, names, values))
        signature = self._intern(names, tuple(map(type, values)), unindexed)
        return signature, values, self._check(key, signature, values)

    def _learn(self, names: tuple[str, ...], types: tuple[type, ...], unindexed: frozenset[str]) -> Signature | None:
        if all(kind in _CHECKS and kind not in _REBUILT for kind in types):
            return self._intern(names, types, unindexed)
        self._known[names, types, unindexed] = None
        return None

    def _intern(self, names: tuple[str, ...], types: tuple[type, ...], unindexed: frozenset[str]) -> Signature:
        rebuilt = not _REBUILT.isdisjoint(types)
        interned = self._known.get((names, types, unindexed, rebuilt) if rebuilt else (names, types, unindexed))
        if interned is not None:
            return interned
        if len(self._known) >= self.capacity:
            self._known.clear()
        signature = self._compile(names, types, unindexed)
        self._known[(names, types, unindexed, rebuilt) if rebuilt else (names, types, unindexed)] = signature
        return signature

    def _compile(self, names: tuple[str, ...], types: tuple[type, ...], unindexed: frozenset[str]) -> Signature:
        for name in names:
            check_name(name, "property name", self._capabilities.indexed_bytes)
        signature = Signature(names, types, unindexed)
        signature.fixed_size = sum(utf8_size(name, "property name") for name in names)
        signature.fixed_size += sum(_FIXED.get(kind, 0) for kind in types)
        scalars = (name for name, kind in zip(names, types, strict=True) if kind not in _REBUILT)
        signature.indexed_scalars = sum(name not in unindexed for name in scalars)
        signature.checks = tuple(
            (index, name, name not in unindexed, _CHECKS[kind])
            for index, (name, kind) in enumerate(zip(names, types, strict=True))
            if kind not in _FIXED
        )
        return signature

    def _check(self, key: Key, signature: Signature, values: tuple[Any, ...]) -> int:
        limits = self._capabilities
        size = signature.fixed_size
        for index, name, indexed, check in signature.checks:
            size += check(values[index], name, indexed, limits)
        size += key_size(key)
        if size > limits.entity_bytes:
            raise InvalidRequest(f"Entity {key} has {size} bytes; the store allows {limits.entity_bytes}. Split it, or keep less in it.")
        entries = 2 * signature.indexed_scalars
        if tuple in signature.types or Entity in signature.types:
            entries += 2 * sum(_nested_entries(signature, values))
        if entries > limits.index_entries:
            raise InvalidRequest(
                f"Entity {key} needs {entries} index entries (two for each indexed value); the store allows {limits.index_entries}. "
                "Exclude its longest list from the indexes."
            )
        return size


def key_size(key: Key) -> int:
    """Return the size of a key as the store documents it."""
    size = 16 + len(key.namespace)
    for kind, ident in key.path:
        size += len(kind) + 1 + (8 if type(ident) is int else len(str(ident).encode()) + 1)
    return size


def check_filter_value(value: Value, name: str, limits: Capabilities) -> Value:
    """Return a filter's value as it is compared, or raise InvalidRequest where the store would refuse it."""
    value = _rebuild(name, value)
    if type(value) in _REBUILT:
        raise InvalidRequest(f"The filter on {name!r} compares with a {type(value).__name__}; the store compares single values only.")
    _CHECKS[type(value)](value, name, True, limits)
    return value


def _rebuild(name: str, value: Any) -> Value:
    kind = type(value)
    if kind in _CHECKS and kind not in _REBUILT and kind is not datetime:
        return value
    if isinstance(value, datetime):
        return _utc(name, value)
    if isinstance(value, (tuple, list)):
        return tuple(_rebuild(name, element) for element in value)
    if isinstance(value, Entity):
        return _rebuild_entity(value)
    for base, convert in _PLAIN_FORMS:
        if isinstance(value, base):
            return convert(value)
    raise InvalidRequest(f"Property {name!r} holds a {kind.__name__}, which the store has no type for; convert it to one that it has.")


def _rebuild_entity(value: Entity) -> Entity:
    properties = {name: _rebuild(name, inner) for name, inner in value.properties.items()}
    return Entity(value.key, properties, frozenset(value.unindexed), 0)


def _utc(name: str, value: datetime) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidRequest(f"Property {name!r} holds the naive datetime {value}; the store keeps moments: give it a time zone.")
    try:
        moment = value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidRequest(f"Property {name!r} holds {value}, which is outside the years 1 to 9999 in UTC.") from error
    if type(moment) is datetime and not moment.fold:
        return moment
    return datetime(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond, UTC)


_PLAIN_FORMS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes),
    (bytearray, bytes),
    (memoryview, bytes),
)


def _nested_entries(signature: Signature, values: Iterable[Any]) -> Iterable[int]:
    for name, value in zip(signature.names, values, strict=True):
        if name not in signature.unindexed:
            yield _entries(value, top=True)


def _entries(value: Any, *, top: bool = False) -> int:
    if type(value) is tuple:
        return sum(map(_entries, value))
    if type(value) is Entity:
        return sum(_entries(inner) for name, inner in value.properties.items() if name not in value.unindexed)
    return 0 if top else 1


def _check_int(value: int, name: str, indexed: bool, limits: Capabilities) -> int:
    if INT_MIN <= value <= INT_MAX:
        return 8
    raise InvalidRequest(f"Property {name!r} holds {value}, which is beyond the 64 bits of the store's integers.")


def _check_str(value: str, name: str, indexed: bool, limits: Capabilities) -> int:
    size = len(value) if value.isascii() else utf8_size(value, f"property {name!r}")
    return _check_size(size, name, indexed, limits) + 1


def _check_bytes(value: bytes, name: str, indexed: bool, limits: Capabilities) -> int:
    return _check_size(len(value), name, indexed, limits) + 1


def _check_size(size: int, name: str, indexed: bool, limits: Capabilities) -> int:
    if indexed and size > limits.indexed_bytes:
        raise InvalidRequest(
            f"The value of property {name!r} has {size} bytes; the store allows {limits.indexed_bytes} in an indexed one. "
            "Exclude it from the indexes, or shorten it."
        )
    if size > limits.property_bytes:
        raise InvalidRequest(f"The value of property {name!r} has {size} bytes; the store allows {limits.property_bytes}.")
    return size


def _check_fixed(value: Any, name: str, indexed: bool, limits: Capabilities) -> int:
    return 8


def _check_moment(value: datetime, name: str, indexed: bool, limits: Capabilities) -> int:
    if value.tzinfo is not UTC or value.fold:
        raise _OtherZone
    return 8


def _check_geo(value: GeoPoint, name: str, indexed: bool, limits: Capabilities) -> int:
    for degrees, bound, axis in ((value.latitude, 90, "latitude"), (value.longitude, 180, "longitude")):
        if math.isnan(degrees) or not -bound <= degrees <= bound:
            raise InvalidRequest(f"Property {name!r} holds a point with the {axis} {degrees}; the store allows -{bound} to {bound}.")
    return 16


def _check_key_value(value: Key, name: str, indexed: bool, limits: Capabilities) -> int:
    check_key(value, limits.indexed_bytes, foreign=True)
    return key_size(value)


def _check_array(value: tuple[Any, ...], name: str, indexed: bool, limits: Capabilities, depth: int = 0) -> int:
    size = 0
    for element in value:
        if type(element) is tuple:
            raise InvalidRequest(f"Property {name!r} holds a list within a list, which the store refuses; wrap the inner one in an entity.")
        size += _check_nested(element, name, indexed, limits, depth)
    return size


def _check_entity(value: Entity, name: str, indexed: bool, limits: Capabilities, depth: int = 0) -> int:
    if depth >= MAX_NESTING:
        raise InvalidRequest(f"Property {name!r} nests entities more than {MAX_NESTING} deep, which the store refuses.")
    size = 0
    for inner, element in value.properties.items():
        check_name(inner, "property name", limits.indexed_bytes)
        inner_indexed = indexed and inner not in value.unindexed
        size += utf8_size(inner, "property name") + 1 + _check_nested(element, f"{name}.{inner}", inner_indexed, limits, depth + 1)
    if depth == 0 and size > limits.property_bytes:
        raise InvalidRequest(f"The value of property {name!r} has {size} bytes; the store allows {limits.property_bytes}.")
    return size


def _check_nested(value: Any, name: str, indexed: bool, limits: Capabilities, depth: int) -> int:
    if type(value) is Entity:
        return _check_entity(value, name, indexed, limits, depth)
    if type(value) is tuple:
        return _check_array(value, name, indexed, limits, depth)
    return _CHECKS[type(value)](value, name, indexed, limits)


_CHECKS: dict[type, Check] = {
    type(None): _check_fixed,
    bool: _check_fixed,
    float: _check_fixed,
    datetime: _check_moment,
    int: _check_int,
    str: _check_str,
    bytes: _check_bytes,
    GeoPoint: _check_geo,
    Key: _check_key_value,
    tuple: _check_array,
    Entity: _check_entity,
}
