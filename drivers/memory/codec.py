"""Entities, positions and sort keys as JSON text: exact, self-describing, and readable with any SQLite shell."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ...core.datamodel import Entity, GeoPoint, Key, Value
from ...core.datamodel.key import Path
from ...core.datamodel.ordering import EPOCH, NotText, microseconds

_AS_IS = frozenset((type(None), bool, int, float, str))  # what JSON, as Python writes it, returns exactly; the rest is {tag: ...}
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def encode_path(path: Path) -> str:
    """Encode a key's path, the same text for the same path."""
    return _dumps(path)


def decode_path(text: str) -> Path:
    """Decode a key's path."""
    return tuple((kind, ident) for kind, ident in json.loads(text))


def encode_properties(properties: Mapping[str, Value], unindexed: frozenset[str], version: int) -> str:
    """Encode what is stored of an entity beside its key."""
    encoded = {name: value if type(value) in _AS_IS else _encode(value) for name, value in properties.items()}
    return _dumps([version, encoded, sorted(unindexed)])


def decode_properties(text: str) -> tuple[dict[str, Value], frozenset[str], int]:
    """Decode the properties of an entity, the names of the unindexed ones, and its version."""
    version, encoded, unindexed = json.loads(text)
    properties = {name: _decode(value) if type(value) in (dict, list) else value for name, value in encoded.items()}
    return properties, frozenset(unindexed), version


def encode_sort_keys(kind: str | None, keys: tuple[Any, ...]) -> bytes:
    """Encode a place in the results of a query."""
    return _dumps([kind, _encode_sort_key(keys)]).encode()


def decode_sort_keys(data: bytes) -> tuple[str | None, tuple[Any, ...]]:
    """Decode a place in the results of a query; ValueError, TypeError or KeyError when it is none."""
    kind, keys = json.loads(data)
    return kind, _decode_sort_key(keys)


def _encode_sort_key(part: Any) -> Any:
    if type(part) is tuple:
        return [_encode_sort_key(inner) for inner in part]
    return {"b": b64encode(part.raw).decode()} if type(part) is NotText else part


def _decode_sort_key(part: Any) -> Any:
    if type(part) is list:
        return tuple(_decode_sort_key(inner) for inner in part)
    return NotText(b64decode(part["b"])) if type(part) is dict else part


def _encode(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is tuple:
        return [_encode(element) for element in value]
    tag, encode = _ENCODERS[kind]
    return {tag: encode(value)}


def _decode(value: Any) -> Value:
    if type(value) is list:
        return tuple(_decode(element) for element in value)
    if type(value) is dict:
        ((tag, content),) = value.items()
        return _DECODERS[tag](content)
    return value


def _encode_key(key: Key) -> list[Any]:
    return [key.path, key.namespace, key.database, key.project]


def _decode_key(content: list[Any]) -> Key:
    path, namespace, database, project = content
    return Key(tuple((kind, ident) for kind, ident in path), namespace, database, project)


def _encode_entity(entity: Entity) -> list[Any]:
    properties = {name: _encode(value) for name, value in entity.properties.items()}
    return [None if entity.key is None else _encode_key(entity.key), properties, sorted(entity.unindexed)]


def _decode_entity(content: list[Any]) -> Entity:
    key, properties, unindexed = content
    decoded = {name: _decode(value) for name, value in properties.items()}
    return Entity(None if key is None else _decode_key(key), decoded, frozenset(unindexed))


_ENCODERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    bytes: ("b", lambda value: b64encode(value).decode()),
    datetime: ("t", microseconds),
    GeoPoint: ("g", lambda value: [value.latitude, value.longitude]),
    Key: ("k", _encode_key),
    Entity: ("e", _encode_entity),
}
_DECODERS: dict[str, Callable[[Any], Value]] = {
    "b": b64decode,
    "t": lambda content: EPOCH + timedelta(microseconds=content),
    "g": lambda content: GeoPoint(*content),
    "k": _decode_key,
    "e": _decode_entity,
}
