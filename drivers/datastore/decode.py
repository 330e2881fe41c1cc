"""Values from the wire, whatever their type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ...core.datamodel import Entity, GeoPoint, Value
from .encode import EPOCH
from .keys import Home, decode_key

# What an error calls a stored type, by the name of its field in the message.
FOUND = {
    "null_value": "null",
    "boolean_value": "bool",
    "integer_value": "int",
    "double_value": "float",
    "timestamp_value": "timestamp",
    "key_value": "key",
    "string_value": "str",
    "blob_value": "bytes",
    "geo_point_value": "geo",
    "entity_value": "entity",
    "array_value": "array",
}
PROJECTED = 18  # the meaning of a value that an index answered: a timestamp is an integer then, and bytes may be a string


def decode_value(message: Any, home: Home) -> Value:
    """Read a Value message."""
    return _READERS[message.WhichOneof("value_type")](message, home)


def decode_entity(message: Any, version: int, home: Home) -> Entity:
    """Read an Entity message, with its key."""
    properties: dict[str, Value] = {}
    unindexed = []
    for name, field in message.properties.items():
        kind = field.WhichOneof("value_type")
        if kind is None:  # reading a missing property creates it in the message
            continue
        properties[name] = _READERS[kind](field, home)
        if field.exclude_from_indexes or (kind == "array_value" and _is_unindexed(field.array_value.values)):
            unindexed.append(name)
    return Entity(decode_key(message.key, home), properties, frozenset(unindexed), version)


def timestamp(message: Any) -> datetime:
    """Read a Timestamp message as an aware datetime in UTC."""
    return EPOCH + timedelta(0, message.seconds, message.nanos // 1000)


def from_micros(micros: int) -> datetime:
    """Read a projected timestamp."""
    return EPOCH + timedelta(0, 0, micros)


def _is_unindexed(elements: Any) -> bool:
    return len(elements) > 0 and all(element.exclude_from_indexes for element in elements)


_READERS: dict[str | None, Callable[[Any, Home], Any]] = {
    None: lambda _value, _home: None,
    "null_value": lambda _value, _home: None,
    "boolean_value": lambda value, _home: value.boolean_value,
    "integer_value": lambda value, _home: value.integer_value,
    "double_value": lambda value, _home: value.double_value,
    "timestamp_value": lambda value, _home: timestamp(value.timestamp_value),
    "key_value": lambda value, home: decode_key(value.key_value, home),
    "string_value": lambda value, _home: value.string_value,
    "blob_value": lambda value, _home: value.blob_value,
    "geo_point_value": lambda value, _home: GeoPoint(value.geo_point_value.latitude, value.geo_point_value.longitude),
    "entity_value": lambda value, home: decode_entity(value.entity_value, 0, home),
    "array_value": lambda value, home: tuple([decode_value(element, home) for element in value.array_value.values]),
}
