"""Keys on the wire and back, and the rules of the names in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...core.datamodel import Key
from ...core.datamodel.errors import InvalidRequest

NAME_BYTES = 1500
PATH_ELEMENTS = 100
_SURELY_SHORT = NAME_BYTES // 4  # a character takes at most four bytes of UTF-8
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_NAMESPACE = re.compile(r"[0-9A-Za-z._-]{0,100}")


@dataclass(frozen=True, slots=True)
class Home:
    """The project and the database ("" is the default one) of a driver."""

    project: str
    database: str = ""


def encode_key(message: Any, key: Key, home: Home) -> None:
    """Fill a Key message."""
    encode_partition(message.partition_id, key.namespace, home, key)
    path = key.path
    if not 1 <= len(path) <= PATH_ELEMENTS:
        raise InvalidRequest(f"The path of a key has {len(path)} elements; it must have 1 to {PATH_ELEMENTS}.")
    add = message.path.add
    for kind, ident in path:
        check_kind(kind)
        element = add()
        element.kind = kind
        if isinstance(ident, str):
            if not ident or len(ident) > _SURELY_SHORT or ident[:2] == "__" or not ident.isascii():
                check_name("key name", ident)
            element.name = ident
        else:
            _set_id(element, ident)


def encode_partition(message: Any, namespace: str, home: Home, key: Key | None = None) -> None:
    """Fill a PartitionId message; a key of another project or database brings its own."""
    message.project_id = home.project if key is None or key.project is None else key.project
    database = home.database if key is None or key.database is None else key.database
    if database:
        message.database_id = database
    if namespace:
        check_namespace(namespace)
        message.namespace_id = namespace


def decode_key(message: Any, home: Home) -> Key | None:
    """Read a Key message; None for an incomplete key, which only an embedded entity may have."""
    path = tuple([(element.kind, element.id or element.name) for element in message.path])
    if not path or path[-1][1] == "":
        return None
    partition = message.partition_id
    project, database = partition.project_id, partition.database_id
    if project == home.project and database == home.database:
        return Key(path, partition.namespace_id)
    return Key(path, partition.namespace_id, database, project)


def complete_key(message: Any, home: Home) -> Key:
    """Read a Key message of a stored entity."""
    key = decode_key(message, home)
    assert key is not None
    return key


def own_key(key: Key, home: Home) -> Key:
    """Return a key in the form in which the driver returns it: without its own project and database."""
    if key.project is None and key.database is None:
        return key
    project = home.project if key.project is None else key.project
    database = home.database if key.database is None else key.database
    if project == home.project and database == home.database:
        return Key(key.path, key.namespace)
    return Key(key.path, key.namespace, database, project)


@lru_cache(4096)
def check_kind(kind: str) -> None:
    """Refuse a kind that the store would refuse."""
    check_name("kind", kind)


@lru_cache(16384)
def check_property(name: str) -> None:
    """Refuse a property name that the store would refuse."""
    check_name("property name", name)


@lru_cache(4096)
def check_namespace(namespace: str) -> None:
    """Refuse a namespace that the store would refuse."""
    if not _NAMESPACE.fullmatch(namespace) or _RESERVED.fullmatch(namespace):
        raise InvalidRequest(
            f"The namespace {namespace!r} is not allowed: use at most 100 of the characters A-Z, a-z, 0-9, '.', '_' and '-', "
            "and no name that begins and ends with two underscores."
        )


def check_name(what: str, name: str) -> None:
    """Refuse a name that is empty, too long, reserved, or no valid Unicode."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"The {what} {name!r} holds a surrogate, which UTF-8 cannot encode.") from None
    if not name:
        raise InvalidRequest(f"A {what} must not be the empty string.")
    if size > NAME_BYTES:
        raise InvalidRequest(f"The {what} {name[:40]!r}... has {size} bytes of UTF-8; the limit is {NAME_BYTES}.")
    if _RESERVED.fullmatch(name):
        raise InvalidRequest(f"The {what} {name!r} is reserved: names that begin and end with two underscores belong to the store.")


def _set_id(element: Any, ident: int) -> None:
    if not ident:
        raise InvalidRequest(f"A key of kind {element.kind!r} has the id 0, which the store does not allow. Use another id, or a name.")
    try:
        element.id = ident
    except (ValueError, TypeError):
        raise InvalidRequest(f"A key of kind {element.kind!r} has the id {ident!r}; an id is an integer of at most 64 bits.") from None
