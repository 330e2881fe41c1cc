"""The catalog: one entity for each kind that a migration made. It is what introspection reads, for not every store lists its kinds.

All entries are in one entity group, so that the list of them is strongly consistent on every store. Nothing else reads the catalog: a kind
without an entry works all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from django.db.utils import ProgrammingError

from ..datamodel import ENTITY, ID, Column, Entity, HasAncestor, Key, Mutation, Query, Row, Shape, Type, Value, Verb
from ..datamodel.errors import Contention
from ..session.changes import Unit
from ..session.committing import commit
from ..session.contention import ATTEMPTS, pause

if TYPE_CHECKING:
    from .base import DatabaseWrapper

KIND = "_kindstore_catalog"
ROOT = "tables"
NAMES = Shape((Column(ID, Type.STR),))
ENTRY = Shape((Column(ENTITY, Type.ENTITY),))


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """One column: `type` is the store's (core.mapping.types), `field` Django's internal type, `relation` what it refers to."""

    name: str
    type: str
    field: str
    null: bool = False
    primary_key: bool = False
    unique: bool = False
    db_index: bool = False
    indexed: bool = True
    max_length: int | None = None
    max_digits: int | None = None
    decimal_places: int | None = None
    collation: str = ""
    comment: str = ""
    default: str | None = None  # db_default, in words
    relation: tuple[str, str] | None = None  # table and column


@dataclass(frozen=True, slots=True)
class ConstraintEntry:
    """A constraint or an index of the model's Meta; `definition` says in Django's words what columns alone do not.

    A column None stands for an expression; `orders` are those of the first columns, the others are only included.
    """

    name: str
    columns: tuple[str | None, ...] = ()
    unique: bool = False
    index: bool = False
    check: bool = False
    orders: tuple[str, ...] = ()
    definition: str = ""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One kind. `progress` is where the rewriting of its entities has come to, while one is under way.

    `unfinished` tells that the migration which made it is not at its end: when it is run again, the kind is there and that is right.
    """

    name: str
    columns: tuple[ColumnEntry, ...] = ()
    constraints: tuple[ConstraintEntry, ...] = ()
    comment: str = ""
    progress: tuple[Any, ...] | None = None
    unfinished: bool = False

    def with_column(self, column: ColumnEntry) -> TableEntry:
        """Return the entry with a column more, or with another in the place of the one of that name."""
        if column.name not in {each.name for each in self.columns}:
            return replace(self, columns=(*self.columns, column))
        return replace(self, columns=tuple(column if each.name == column.name else each for each in self.columns))

    def without_column(self, name: str) -> TableEntry:
        """Return the entry without a column and without the constraints that it takes part in."""
        columns = tuple(column for column in self.columns if column.name != name)
        return replace(self, columns=columns, constraints=tuple(each for each in self.constraints if name not in each.columns))

    def with_altered(self, old_name: str, column: ColumnEntry) -> TableEntry:
        """Return the entry with a column in the place of another, which may have had another name."""
        others = [each for each in self.columns if each.name == old_name or each.name != column.name]
        columns = tuple(column if each.name == old_name else each for each in others)
        constraints = tuple(
            replace(each, columns=tuple(column.name if name == old_name else name for name in each.columns)) for each in self.constraints
        )
        return replace(self, columns=columns, constraints=constraints).with_column(column)

    def with_key(self, names: Collection[str]) -> TableEntry:
        """Return the entry with these columns as the primary key."""
        return replace(self, columns=tuple(replace(each, primary_key=each.name in names) for each in self.columns))

    def with_references(self, follow: Callable[[tuple[str, str]], tuple[str, str]]) -> TableEntry:
        """Return the entry with what its foreign keys refer to, a table and a column, changed by a function."""
        columns = (each if each.relation is None else replace(each, relation=follow(each.relation)) for each in self.columns)
        return replace(self, columns=tuple(columns))

    def with_constraint(self, constraint: ConstraintEntry) -> TableEntry:
        """Return the entry with a constraint more, or with another in the place of the one of that name."""
        return replace(self, constraints=(*(each for each in self.constraints if each.name != constraint.name), constraint))

    def without_constraint(self, name: str) -> TableEntry:
        """Return the entry without a constraint."""
        return replace(self, constraints=tuple(each for each in self.constraints if each.name != name))


class Catalog:
    """The entries of a connection's namespace."""

    def __init__(self, connection: DatabaseWrapper) -> None:
        self.connection = connection

    def names(self) -> list[str]:
        """Return the names of the tables, in the order of the store."""
        return [row[0] for row in self._rows(NAMES)]

    def entries(self) -> list[TableEntry]:
        """Return the entries of all tables."""
        return [decode(row[0]) for row in self._rows(ENTRY)]

    def get(self, name: str) -> TableEntry | None:
        """Return the entry of a table, or None."""
        (row,) = self.connection.session.lookup([self.key(name)], ENTRY)
        return None if row is None else decode(row[0])

    def require(self, name: str) -> TableEntry:
        """Return the entry of a table, or raise ProgrammingError."""
        entry = self.get(name)
        if entry is None:
            raise ProgrammingError(
                f"The catalog of {self.connection.alias!r} has no entry for the kind {name!r}, so nothing is known of its columns. "
                "`manage.py migrate` writes the entries of the models that have migrations."
            )
        return entry

    def put(self, *entries: TableEntry, gone: Iterable[str] = ()) -> None:
        """Write entries, and delete those of other tables, all at once."""
        deletions = [Mutation(Verb.DELETE, self.key(name)) for name in gone]
        commit(self.connection.session, Unit((), [*map(self.mutation, entries), *deletions]))

    def delete(self, name: str) -> None:
        """Delete the entry of a table, if there is one."""
        self.put(gone=[name])

    def mutation(self, entry: TableEntry) -> Mutation:
        """Return the mutation that writes an entry."""
        return Mutation(Verb.UPSERT, self.key(entry.name), encode(self.key(entry.name), entry))

    def key(self, name: str) -> Key:
        """Return the key of a table's entry."""
        return self._root().child(KIND, name)

    def _rows(self, shape: Shape) -> list[Row]:
        """Read all entries. The legacy store may give an ancestor query up in favour of a commit to the entity group."""
        query = Query(KIND, self._root().namespace, HasAncestor(self._root()))
        for attempt in range(1, ATTEMPTS):
            try:
                return [row for page in self.connection.session.run_query(query, shape) for row in page.rows]
            except Contention:
                pause(attempt)
        return [row for page in self.connection.session.run_query(query, shape) for row in page.rows]

    def _root(self) -> Key:
        return Key(((KIND, ROOT),), self.connection.session.namespace())


def encode(key: Key, entry: TableEntry) -> Entity:
    """Return an entry as an entity, its parts as JSON."""
    properties: dict[str, Value] = {
        "columns": json.dumps([asdict(column) for column in entry.columns]),
        "constraints": json.dumps([asdict(constraint) for constraint in entry.constraints]),
        "comment": entry.comment,
        "progress": json.dumps(entry.progress),
        "unfinished": entry.unfinished,
    }
    return Entity(key, properties, frozenset(properties))


def decode(entity: Entity) -> TableEntry:
    """Return the entry of an entity. What a newer kindstore may have added to it is passed over."""
    assert entity.key is not None
    part = {name: json.loads(str(entity.properties.get(name, "null"))) for name in ("columns", "constraints", "progress")}
    return TableEntry(
        str(entity.key.id_or_name),
        tuple(_known(ColumnEntry, each) for each in part["columns"] or ()),
        tuple(_known(ConstraintEntry, each) for each in part["constraints"] or ()),
        str(entity.properties.get("comment", "")),
        None if part["progress"] is None else tuple(part["progress"]),
        entity.properties.get("unfinished") is True,
    )


def _known(cls: Any, values: dict[str, Any]) -> Any:
    names = {each.name for each in fields(cls)}
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if name in names})
