"""The entities that stand for unique values: one for each value of each constraint, named after both, that says which row has it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from ...core.datamodel import Entity, Key

if TYPE_CHECKING:
    from .uniques import Unique

MARKERS = "_kindstore_unique"  # the kind of the markers: root entities, in the namespace of the row
OWNER, TABLE, CONSTRAINT, COMMIT = "owner", "table", "constraint", "commit"
_UNINDEXED = frozenset((TABLE, CONSTRAINT, COMMIT))
_LONGEST_PART = 600  # bytes, of a table's name and of an identity, so that a marker's name has at most 1500
_AFTER = chr(ord("|") + 1)
_ESCAPES = str.maketrans({"%": "%25", "|": "%7C", ",": "%2C", "=": "%3D", "#": "%23"})


def escaped(name: str) -> str:
    """Return a name without the characters that have a meaning in the names of markers."""
    return name.translate(_ESCAPES)


def named_identity(name: str) -> str:
    """Return the identity of a constraint that is more than some columns: its name."""
    return f"={escaped(name)}"


def is_plain(identity: str) -> bool:
    """Tell whether an identity is that of some columns, whatever their values."""
    return not identity.startswith("=")


def marker_key(table: str, namespace: str, identity: str, digest: str) -> Key:
    """Return the key of the marker of a value, given by its digest."""
    return Key(((MARKERS, f"{_part(escaped(table))}|{_part(identity)}|{digest}"),), namespace)


def marker(key: Key, owner: Key, unique: Unique, commit_id: str) -> Entity:
    """Return the marker of a value that a row has."""
    return Entity(key, {OWNER: owner, TABLE: owner.kind, CONSTRAINT: unique.name, COMMIT: commit_id}, _UNINDEXED)


def marker_range(table: str, namespace: str, identity: str | None = None) -> tuple[Key, Key]:
    """Return the keys between which a table's markers are, those of one constraint if its identity is given; the second is not one."""
    prefix = _part(escaped(table)) if identity is None else f"{_part(escaped(table))}|{_part(identity)}"
    return Key(((MARKERS, f"{prefix}|"),), namespace), Key(((MARKERS, f"{prefix}{_AFTER}"),), namespace)


def _part(text: str) -> str:
    """Return a part of a name, or what stands for it where it is too long."""
    return text if len(text.encode()) <= _LONGEST_PART else f"#{sha256(text.encode()).hexdigest()}"
