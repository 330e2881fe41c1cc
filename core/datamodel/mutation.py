"""What a commit does to the store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .entity import Entity, Value
from .key import Key


class Verb(Enum):
    INSERT = "insert"  # fails with AlreadyExists when the key is taken
    UPDATE = "update"  # fails with NotFound when there is no such entity
    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Transform:
    """Change one property inside the store. `kind` is "increment", "maximum", "minimum", "append_missing" or "remove_all"."""

    name: str
    kind: str
    value: Value


@dataclass(frozen=True, slots=True)
class Mutation:
    """Write or delete one entity.

    `mask` names the properties to write or, when the entity lacks them, to remove; None writes the whole entity, () none of it.
    `base_version` is the version that the entity must still have (0: it must not exist), else the commit fails with VersionConflict.
    Masks and transforms need the capability `property_masks` and `property_transforms`.
    """

    verb: Verb
    key: Key
    entity: Entity | None = None
    mask: tuple[str, ...] | None = None
    transforms: tuple[Transform, ...] = ()
    base_version: int | None = None


@dataclass(frozen=True, slots=True)
class MutationResult:
    """What became of one mutation: the entity's new version (0 where the store gives none) and the values of its transforms, in order."""

    version: int
    transformed: tuple[Value, ...] = ()
