"""What a statement changes, as the plugins' steps see it: a batch of changes to the rows of one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..datamodel import Entity, Key, Mutation, Transform, Value, Verb

if TYPE_CHECKING:
    from django.db.models import Model


@dataclass(slots=True)
class Change:
    """One row's change.

    `before` is the row as it was; it is given when a step of the model needs it, and None in an insert. `values` are the columns that
    are written, all of them in an insert or when a step needs the row as it will be, {} in a delete. `derived` are the properties that
    the steps add; they are written together with the columns. The property names in `unindexed` are excluded from the indexes.
    `transforms` are left to the store to compute, only where no step needs the row. The commit fails unless the row still has `version`.
    """

    verb: Verb
    key: Key
    values: Mapping[str, Value] = field(default_factory=dict)
    before: Entity | None = None
    derived: dict[str, Value] = field(default_factory=dict)
    unindexed: set[str] = field(default_factory=set)
    transforms: tuple[Transform, ...] = ()
    version: int | None = None


@dataclass(slots=True)
class Batch:
    """The changes of one statement to one model; `mutations` are the entities that the steps write or guard in the same commit."""

    model: type[Model]
    changes: list[Change]
    mutations: list[Mutation] = field(default_factory=list)
