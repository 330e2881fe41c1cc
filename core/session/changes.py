"""What a statement changes, as the plugins' steps see it: a batch of changes to the rows of one model."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..datamodel import Entity, Key, Mutation, Transform, Value, Verb

if TYPE_CHECKING:
    from django.db.models import Model

    from ..roles import Step
    from .session import Session


@dataclass(slots=True)
class Change:
    """One row's change.

    `before` is the row as it was; it is given when a step of the model needs it, and None in an insert. `values` are the columns that
    are written, all of them in an insert or when a step needs the row as it will be, {} in a delete. `derived` are the properties that
    the steps add; they are written together with the columns. The property names in `unindexed` are excluded from the indexes.
    `transforms` are left to the store to compute, only where no step needs the row. The commit fails unless the row still has `version`.
    `drawn` tells that the key of an insert was drawn for it, so that nobody else can have an entity of this key.
    """

    verb: Verb
    key: Key
    values: Mapping[str, Value] = field(default_factory=dict)
    before: Entity | None = None
    derived: dict[str, Value] = field(default_factory=dict)
    unindexed: set[str] = field(default_factory=set)
    transforms: tuple[Transform, ...] = ()
    version: int | None = None
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Assigned:
    """The names of the columns that an update sets: `given` to values that it knows without a row, `computed` to what the row decides.

    Those of the computed ones that are in `grown` are integers to which nothing negative is added.
    """

    given: frozenset[str]
    computed: frozenset[str] = frozenset()
    grown: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return self.given | self.computed


class Arbiter(Protocol):
    """Decides about a commit that met an entity where it wanted to insert one.

    `taken` is the key that is taken, None where the store does not say which; `inserted` are the keys of the commit's inserts, for a
    transaction may have undone some of the arbiter's. Returns mutations to be made in the places of those with their keys, or besides;
    None if it is not about the arbiter's entities; or raises an IntegrityError that names the fields, or an AlreadyExists with the key of
    the row if its own commit was applied before.
    """

    def __call__(self, session: Session, taken: Key | None, inserted: Collection[Key]) -> Sequence[Mutation] | None: ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entity that only one commit inserts: by its key alone, or by its key and the commit's id in a property."""

    key: Key
    property: str | None = None
    commit: str | None = None

    def is_in(self, entity: Entity | None) -> bool:
        """Tell whether a stored entity shows that the commit was applied."""
        return entity is not None and (self.property is None or entity.properties.get(self.property) == self.commit)


def new_commit_id() -> str:
    """Return an id that no other commit has."""
    return secrets.token_hex(8)


@dataclass(slots=True)
class Batch:
    """The changes of one commit to the rows of one model, for the plugins' steps.

    `session` is the connection's way to the store, for a step that has to look something up. Steps add to `mutations` the entities that
    they write in the same commit, to `arbiters` what decides when one of their inserts meets an entity, and to `receipts` their inserts
    that carry `commit_id`.
    """

    model: type[Model]
    session: Session
    changes: list[Change]
    mutations: list[Mutation] = field(default_factory=list)
    arbiters: list[Arbiter] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    commit_id: str = field(default_factory=new_commit_id)


@dataclass(slots=True)
class Unit:
    """What is committed at once: the mutations of changes, in their order, and after them those of the plugins' steps."""

    changes: Sequence[Change]
    mutations: list[Mutation]
    arbiters: Sequence[Arbiter] = ()
    receipts: Sequence[Receipt] = ()
    deferred: Sequence[tuple[Step, type[Model]]] = ()  # what is to be done at the end of a transaction with all its changes to a model
    parts: Callable[[], Iterator[Unit]] | None = None  # cuts what a transaction holds back into commits that the store takes

    @property
    def receipt(self) -> Receipt | None:
        """What shows whether the unit was committed; None where nothing does."""
        drawn = next((Receipt(change.key) for change in self.changes if change.drawn), None)
        return drawn or next(iter(self.receipts), None)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that writes. It can be run again: it reads what it depends on anew.

    `tolerates_conflicts` tells that it knows what to do about rows that are there already (ON CONFLICT). `as_read` are the columns that it
    may write just as its caller read them. `model` is the one whose row or rows it updates.
    `correct` tells its caller another result than the one it was given first; None where it would be too late.
    """

    run: Callable[[], Any]
    tolerates_conflicts: bool = False
    as_read: frozenset[str] = frozenset()
    model: type[Model] | None = None
    correct: Callable[[Any], None] | None = None
    result: Any = None
