"""Tells which rows have the unique values of rows that are to be inserted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.db.utils import ProgrammingError

from ...core.datamodel import Entity, Key
from ...core.optouts import keeps_constraints
from ...core.session.changes import Change
from .arbiter import holds, owner_of, stored
from .building import build, drop
from .inspecting import audit, audit_strays
from .kept import UNIQUES, kept_of, note_added
from .markers import is_plain
from .uniques import Unique, uniques_of

if TYPE_CHECKING:
    from django.db.models import Model, UniqueConstraint

    from ...core.session.session import Session
    from ...core.uniqueness import Action, Audit, Position


class MarkerKeeper:
    """Answers from the markers, and from the rows that they belong to."""

    def owners(
        self, session: Session, model: type[Model], changes: Sequence[Change], columns: Collection[str] | None = None
    ) -> list[Key | None]:
        """Return for each insert the key of the row that has the same values: a stored one, else the first of the inserts before it."""
        uniques = kept_of(model, session.connection)
        if not keeps_constraints(model):
            return self._unkept(uniques.mapping.label, changes, columns)
        wanted = self._wanted(uniques.all, uniques.mapping.label, columns)
        entities = [Entity(change.key, change.values) for change in changes]
        claims = [[key for key, unique in each.items() if unique in wanted] for each in uniques.claims(entities)]
        markers = stored(session, list(dict.fromkeys(key for keys in claims for key in keys)))
        claimants = {key: owner for key, (entity, _) in markers.items() if (owner := owner_of(entity)) is not None}
        rows = stored(session, list(dict.fromkeys(claimants.values())))
        taken = {key: owner for key, owner in claimants.items() if owner in rows and holds(uniques, rows[owner][0], key)}
        return [self._owner(taken, keys, change.key) for keys, change in zip(claims, changes, strict=True)]

    def uniques(self, connection: Any, model: type[Model]) -> Sequence[Unique]:
        """Return the constraints of a model's table that are kept."""
        return uniques_of(model, connection).all if keeps_constraints(model) else ()

    def unique(self, connection: Any, model: type[Model], constraint: UniqueConstraint) -> Unique | None:
        """Return what a constraint is that a model has, had or is to have."""
        return uniques_of(model, connection).of(constraint, connection)

    def build(self, connection: Any, model: type[Model], identities: Collection[str], position: Position) -> None:
        """Give the rows that there are their markers."""
        note_added(connection, model, identities)
        build(connection, model, identities, position)

    def drop(self, connection: Any, table: str, identities: Collection[str] | None = None) -> None:
        """Delete the markers of constraints of a table, or of all."""
        if identities is not None:
            UNIQUES.remove(connection, table, identities)
        drop(connection, table, identities)

    def forget(self, connection: Any, table: str) -> None:
        """Forget what migrations of this process have made of a table: it is gone, or a new one."""
        UNIQUES.forget(connection, table)

    def audit(self, connection: Any, model: type[Model], action: Action, *, restart: bool) -> Iterator[Audit]:
        """Compare the rows of a model with their markers."""
        return audit(connection, model, action, restart=restart)

    def audit_strays(self, connection: Any, tables: Collection[str], action: Action) -> Iterator[Audit]:
        """Look for markers of other tables whose rows are gone."""
        return audit_strays(connection, tables, action)

    def _owner(self, taken: dict[Key, Key], keys: Sequence[Key], inserted: Key) -> Key | None:
        owner = next((taken[key] for key in keys if key in taken), None)
        if owner is None:
            taken.update(dict.fromkeys(keys, inserted))
        return owner

    def _wanted(self, uniques: Sequence[Unique], label: str, columns: Collection[str] | None) -> set[Unique]:
        if columns is None:
            return set(uniques)
        wanted = {unique for unique in uniques if is_plain(unique.identity) and set(unique.columns) == set(columns)}
        if not wanted:
            raise self._no_constraint(label, columns, f"is no unique constraint of {label}, and not its primary key")
        return wanted

    def _unkept(self, label: str, changes: Sequence[Change], columns: Collection[str] | None) -> list[Any]:
        if columns is not None:
            raise self._no_constraint(label, columns, f"is not kept unique: {label} opts out of constraints")
        return [None] * len(changes)

    def _no_constraint(self, label: str, columns: Collection[str], reason: str) -> ProgrammingError:
        return ProgrammingError(
            f"bulk_create() of {label} looks for conflicts on {', '.join(columns)}, which {reason}. "
            "Name the fields of a constraint as unique_fields."
        )
