"""What a schema editor does so that the rows keep owning their unique values, where a plugin of the alias keeps values unique."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.models import UniqueConstraint
from django.db.utils import IntegrityError

from ..datamodel import Key
from .catalog import Catalog, TableEntry

if TYPE_CHECKING:
    from ..roles import UniqueKeeper
    from ..uniqueness import UniqueValues

BUILDING = ", BUILDING MARKERS"  # ends the name of a step in the catalog while the rows themselves are done


class Markers:
    """The markers of the tables that a schema editor changes. Without a keeper there are none, and nothing is done."""

    def __init__(self, connection: Any, catalog: Catalog) -> None:
        self.connection, self.catalog = connection, catalog
        self.keeper: UniqueKeeper | None = connection.kindstore.unique_keeper

    def of(self, model: Any, column: str | None = None) -> tuple[UniqueValues, ...]:
        """Return the constraints of a model that are kept, those that depend on a column if it is given."""
        if self.keeper is None:
            return ()
        return tuple(each for each in self.keeper.uniques(self.connection, model) if column is None or column in each.columns)

    def of_constraint(self, model: Any, constraint: Any) -> tuple[UniqueValues, ...]:
        """Return the constraint that is to be kept; none for one that is not unique, or of a model that opts out."""
        found = self._unique(model, constraint)
        return tuple(each for each in self.of(model) if each.identity == found.identity) if found is not None else ()

    def only_of_constraint(self, model: Any, constraint: Any) -> tuple[UniqueValues, ...]:
        """Return a constraint that a model no longer has, unless another of its constraints is the same."""
        found = self._unique(model, constraint)
        return () if found is None or any(each.identity == found.identity for each in self.of(model)) else (found,)

    def _unique(self, model: Any, constraint: Any) -> UniqueValues | None:
        if self.keeper is None or not isinstance(constraint, UniqueConstraint):
            return None
        return self.keeper.unique(self.connection, model, constraint)

    def is_building(self, entry: TableEntry, step: str) -> bool:
        """Tell whether a step was interrupted while it built markers."""
        return entry.progress is not None and entry.progress[0] == step + BUILDING

    def build(self, entry: TableEntry, step: str, model: Any, uniques: Sequence[UniqueValues], *, creates: bool = False) -> None:
        """Make the rows of a model own their values, from where an interrupted run of the step stopped.

        `entry` is the entry of the table before the step. It is in the catalog as it was, if there are values that several rows have;
        none is there if the step `creates` it.
        """
        if self.keeper is None or not uniques:
            return
        known = self.catalog.get(entry.name)
        position = CatalogPosition(self.catalog, known or entry, step + BUILDING)
        try:
            self.keeper.build(self.connection, model, [unique.identity for unique in uniques], position)
        except IntegrityError:
            if known is None or creates:
                self.catalog.delete(entry.name)
            else:
                self.catalog.put(replace(known, progress=None))
            raise

    def forget(self, *tables: str) -> None:
        """Let tables begin anew, or be gone."""
        if self.keeper is not None:
            for table in tables:
                self.keeper.forget(self.connection, table)

    def drop(self, table: str, uniques: Iterable[UniqueValues] | None = None) -> None:
        """Drop the markers of constraints of a table, or all that it has."""
        identities = None if uniques is None else [unique.identity for unique in uniques]
        if self.keeper is not None and identities != []:
            self.keeper.drop(self.connection, table, identities)


class CatalogPosition:
    """How far a step has come with the rows of a table, in the catalog's entry."""

    def __init__(self, catalog: Catalog, entry: TableEntry, step: str) -> None:
        self.catalog, self.entry, self.step = catalog, entry, step
        self.after: Key | None = None
        if entry.progress is not None and entry.progress[0] == step:
            namespace = catalog.connection.session.namespace()
            self.after = Key(tuple((kind, ident) for kind, ident in entry.progress[1]), namespace)

    def reached(self, key: Key) -> None:
        """Keep that the rows up to this one are done."""
        self.catalog.put(replace(self.entry, progress=(self.step, key.path)))


def together(names: Iterable[str]) -> UniqueConstraint:
    """Return a constraint that is the same as a group of unique_together."""
    return UniqueConstraint(fields=tuple(names), name="together")


def said(verb: str, uniques: Iterable[UniqueValues]) -> str:
    """Return in words what becomes of markers, to be added to what a step is called."""
    columns = " AND ".join(f"({', '.join(unique.columns)})" for unique in uniques)
    return f", {verb} MARKERS OF {columns}" if columns else ""


def difference(old: Sequence[UniqueValues], new: Sequence[UniqueValues]) -> tuple[list[UniqueValues], list[UniqueValues]]:
    """Return the constraints of which there are only old ones, and of which there are only new ones."""
    olds, news = {each.identity for each in old}, {each.identity for each in new}
    return [each for each in old if each.identity not in news], [each for each in new if each.identity not in olds]
