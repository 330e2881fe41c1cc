"""Keys as positions: flat tuples that sort as the store sorts keys, and that name an entity within a namespace."""

from __future__ import annotations

import re

from ...core.datamodel import Key
from ...core.datamodel.entity import INT_MAX, INT_MIN
from ...core.datamodel.errors import InvalidRequest
from ...core.datamodel.ordering import path_key

Position = tuple[int | str, ...]

MAX_DEPTH = 100
AFTER: Position = ("\U0010ffff" * 400,)  # appended to a position, sorts after its descendants: no kind is as long
ITSELF: Position = ("",)  # appended to a position, sorts after it and before its descendants: no kind is empty
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_NAMESPACE = re.compile(r"[0-9A-Za-z._-]{0,100}")


def position_of(key: Key, limit: int = 1500) -> Position:
    """Return a key's position, or raise InvalidRequest where the store would refuse the key."""
    path = key.path
    if len(path) == 1 and key.project is None and key.database is None:
        kind, ident = path[0]
        if type(ident) is int:
            if ident and INT_MIN <= ident <= INT_MAX:
                return (kind, 0, ident)
        elif type(ident) is str and ident.isascii() and 0 < len(ident) <= limit and not ident.startswith("__"):
            return (kind, 1, ident)
    check_key(key, limit)
    return path_key(path)


def check_key(key: Key, limit: int = 1500, *, foreign: bool = False) -> None:
    """Raise InvalidRequest where the store would refuse a key; `foreign` allows one of another project or database."""
    if not foreign and (key.project is not None or key.database is not None):
        raise InvalidRequest(f"Key {key} names a project or database; the memory store has neither. Leave both None.")
    if not 0 < len(key.path) <= MAX_DEPTH:
        raise InvalidRequest(f"Key {key} has {len(key.path)} elements in its path; give it 1 to {MAX_DEPTH}.")
    check_namespace(key.namespace)
    for kind, ident in key.path:
        check_name(kind, "kind", limit)
        _check_ident(key, ident, limit)


def _check_ident(key: Key, ident: object, limit: int) -> None:
    if type(ident) is str:
        check_name(ident, "key name", limit)
    elif type(ident) is not int:
        raise InvalidRequest(f"Key {key} ends with a {type(ident).__name__}; an id is an int, a name a str.")
    elif ident == 0:
        raise InvalidRequest(f"Key {key} has the id 0, which the store reserves; choose another id.")
    elif not INT_MIN <= ident <= INT_MAX:
        raise InvalidRequest(f"Key {key} has an id beyond 64 bits; choose a smaller one, or use a name.")


def check_name(name: str, what: str, limit: int = 1500) -> None:
    """Raise InvalidRequest where the store would refuse the name of a kind, a key or a property."""
    if not name:
        raise InvalidRequest(f"A {what} is the empty string; the store needs at least one character.")
    if utf8_size(name, what) > limit:
        raise InvalidRequest(f"The {what} {name[:40]!r}... has {utf8_size(name, what)} bytes; the store allows {limit}.")
    if len(name) >= 4 and _RESERVED.fullmatch(name):
        raise InvalidRequest(f"The {what} {name!r} is reserved: the store keeps names of the form __*__ to itself; choose another.")


def check_namespace(namespace: str) -> None:
    """Raise InvalidRequest where the store would refuse a namespace."""
    if not _NAMESPACE.fullmatch(namespace) or (len(namespace) >= 4 and _RESERVED.fullmatch(namespace)):
        raise InvalidRequest(f"The namespace {namespace!r} is invalid; use at most 100 of 0-9, A-Z, a-z, '.', '_' and '-', not __*__.")


def utf8_size(text: str, what: str) -> int:
    """Return the size of a text in UTF-8 bytes; one with surrogates has none."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"The {what} holds the surrogate {text[error.start]!a} at {error.start}, which UTF-8 cannot express; remove it."
        ) from error
