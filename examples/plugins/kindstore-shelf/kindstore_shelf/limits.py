"""The limits of keys and values. They are those of Google's stores, so that what a shelf takes can move there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kindstore.core.datamodel import Entity, GeoPoint, Key
from kindstore.core.datamodel.errors import InvalidRequest
from kindstore.core.driver import Capabilities

RESERVED = re.compile(r"__.*__", re.DOTALL)
NAMESPACE = re.compile(r"[0-9A-Za-z._-]{0,100}")
PATH_ELEMENTS = 100
SIZES: dict[type, int] = {type(None): 1, bool: 1, int: 8, float: 8, datetime: 8, GeoPoint: 16, Key: 64}


def check_namespace(namespace: str) -> None:
    """Refuse a namespace that no store has."""
    if not NAMESPACE.fullmatch(namespace) or RESERVED.fullmatch(namespace):
        raise InvalidRequest(f"The namespace {namespace!r} is invalid. Use at most 100 of 0-9, A-Z, a-z, '.', '_' and '-', not __*__.")


def check_name(what: str, name: str, limits: Capabilities) -> None:
    """Refuse a kind, a key's name or a property's name that no store takes."""
    size = len(_encode(what, name))
    if not 0 < size <= limits.indexed_bytes:
        raise InvalidRequest(f"{what} has {size} bytes; it must have 1 to {limits.indexed_bytes}.")
    if RESERVED.fullmatch(name):
        raise InvalidRequest(f"{what} is {name!r}; names that begin and end with two underscores are reserved. Choose another.")


def check_keys(keys: Iterable[Key], limits: Capabilities) -> None:
    """Refuse a key that no entity can have."""
    for key in keys:
        check_namespace(key.namespace)
        if not 0 < len(key.path) <= PATH_ELEMENTS:
            raise InvalidRequest(f"A key has {len(key.path)} elements; it must have 1 to {PATH_ELEMENTS}.")
        for kind, ident in key.path:
            check_name(f"A kind in {key}", kind, limits)
            if isinstance(ident, str):
                check_name(f"A name in {key}", ident, limits)
            elif ident == 0 or not _fits(ident):
                raise InvalidRequest(f"Key {key} has the id {ident}; an id has 64 bits and is not 0.")


def check_entity(key: Key, entity: Entity, limits: Capabilities) -> int:
    """Refuse an entity beyond a limit, and return its size in bytes."""
    size = indexed_values = 0
    for name, value in entity.properties.items():
        check_name(f"A property's name in {key}", name, limits)
        indexed = name not in entity.unindexed
        size += len(name) + check_value(f"{name!r} of {key}", value, limits, indexed=indexed)
        indexed_values += (len(value) if isinstance(value, tuple) else 1) * indexed
    if size > limits.entity_bytes:
        raise InvalidRequest(f"Entity {key} has {size} bytes; the limit is {limits.entity_bytes}. Split it.")
    if 2 * indexed_values > limits.index_entries:
        raise InvalidRequest(f"Entity {key} has {indexed_values} indexed values; the limit is {limits.index_entries // 2}. Index fewer.")
    return size


def check_value(where: str, value: Any, limits: Capabilities, *, indexed: bool = True) -> int:
    """Refuse a value that no store takes, and return its size in bytes."""
    if isinstance(value, tuple):
        if any(isinstance(each, tuple) for each in value):
            raise InvalidRequest(f"{where} is an array in an array. Put an embedded entity between them.")
        return sum(check_value(where, each, limits, indexed=indexed) for each in value)
    if isinstance(value, Entity):
        parts = value.properties.items()
        return sum(check_value(where, each, limits, indexed=indexed and name not in value.unindexed) for name, each in parts)
    if isinstance(value, (str, bytes)):
        return _check_length(where, value if isinstance(value, bytes) else _encode(where, value), limits, indexed=indexed)
    if type(value) not in SIZES:
        raise InvalidRequest(f"{where} is a {type(value).__name__}, which a store has no type for. Convert it.")
    if isinstance(value, int) and not _fits(value):
        raise InvalidRequest(f"{where} is {value}, which does not fit into 64 bits. Store it as a string.")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidRequest(f"{where} is the naive datetime {value}. Give it a time zone.")
    return SIZES[type(value)]


def _check_length(where: str, value: bytes, limits: Capabilities, *, indexed: bool) -> int:
    if indexed and len(value) > limits.indexed_bytes:
        raise InvalidRequest(f"{where} has {len(value)} bytes; an indexed value may have {limits.indexed_bytes}. Do not index it.")
    return len(value)


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**63


def _encode(where: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{where} holds a surrogate, which is no text. Remove it.") from error
