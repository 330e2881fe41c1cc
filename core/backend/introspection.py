"""What the catalog knows of the kinds, as Django asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.db.backends.base.introspection import BaseDatabaseIntrospection
from django.db.models import Index

from ..mapping.columns import POSITIVE, unquoted
from ..mapping.types import DATA_TYPES
from .catalog import Catalog, ColumnEntry, ConstraintEntry, TableEntry
from .description import index_name

if TYPE_CHECKING:
    from .base import DatabaseWrapper

# The fields that inspectdb writes for others, of which a table does not know all arguments.
WRITTEN_AS = {"FileField": "CharField", "FilePathField": "CharField", "SlugField": "CharField", "IPAddressField": "GenericIPAddressField"}


class FieldInfo(NamedTuple):
    """Django's own, and beside the store's type the field that says more: Django's internal type."""

    name: str
    type_code: str
    display_size: int | None
    internal_size: int | None
    precision: int | None
    scale: int | None
    null_ok: bool
    default: str | None
    collation: str | None
    comment: str
    field: str


class TableInfo(NamedTuple):
    """Django's own, and the comment."""

    name: str
    type: str
    comment: str


class DatabaseIntrospection(BaseDatabaseIntrospection):
    """Reads the catalog; a kind without an entry is refused with ProgrammingError. The cursors that Django passes are not needed."""

    connection: DatabaseWrapper
    data_types_reverse: ClassVar[dict[str, str]] = {
        **{column: name for name, column in DATA_TYPES.items()},
        "integer": "BigIntegerField",
        "string": "CharField",
    }

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.connection)

    def identifier_converter(self, name: str) -> str:
        """Return a model's name of a table or column as the catalog has it, so that Django finds it there."""
        return unquoted(name)

    def table_names(self, cursor: Any = None, include_views: bool = False) -> list[str]:  # noqa: ARG002 - Django's signature
        return sorted(self.catalog.names())

    def get_table_list(self, cursor: Any) -> list[TableInfo]:  # noqa: ARG002 - Django's signature
        return [TableInfo(entry.name, "t", entry.comment) for entry in self.catalog.entries()]

    def django_table_names(self, only_existing: bool = False, include_views: bool = True) -> list[str]:  # noqa: ARG002
        """Return the tables of all models. Each of them exists: a kind needs no creation, so rows may be there without a migration."""
        names: list[str] = super().django_table_names()
        return names

    def get_table_description(self, cursor: Any, table_name: str) -> list[FieldInfo]:  # noqa: ARG002 - Django's signature
        return [_field_info(column) for column in self.catalog.require(table_name).columns]

    def get_field_type(self, data_type: str, description: Any) -> str:
        """Return the field that a column was made by; one of a custom field is written as a field of the same column type."""
        known = description.field if description.field in DATA_TYPES else self.data_types_reverse[data_type]
        return WRITTEN_AS.get(known, known)

    def get_sequences(self, cursor: Any, table_name: str, table_fields: Iterable[Any] = ()) -> list[dict[str, str]]:  # noqa: ARG002
        """Return the automatic primary key, which counts up where OPTIONS["ids"] is "sequential"."""
        entry = self.catalog.get(table_name) or TableEntry(table_name)
        automatic = [column.name for column in entry.columns if column.primary_key and column.field.endswith("AutoField")]
        return [{"table": table_name, "column": name} for name in automatic]

    def get_relations(self, cursor: Any, table_name: str) -> dict[str, tuple[str, ...]]:  # noqa: ARG002 - Django's signature
        """Return, for each foreign key, the column and the table that it refers to; from Django 6.1 on what happens on delete, too."""
        return {
            column.name: (column.relation[1], column.relation[0], *_on_delete())
            for column in self.catalog.require(table_name).columns
            if column.relation is not None
        }

    def get_primary_key_columns(self, cursor: Any, table_name: str) -> list[str] | None:  # noqa: ARG002 - Django's signature
        names = [column.name for column in self.catalog.require(table_name).columns if column.primary_key]
        return names or None

    def get_constraints(self, cursor: Any, table_name: str) -> dict[str, dict[str, Any]]:  # noqa: ARG002 - Django's signature
        """Return the constraints and indexes, under the names that Django gives them. Foreign keys are none: see get_relations()."""
        entry = self.catalog.require(table_name)
        return {
            **dict(_column_constraints(entry, partial(index_name, self.connection))),
            **{each.name: _constraint(each) for each in entry.constraints},
        }


def _field_info(column: ColumnEntry) -> FieldInfo:
    return FieldInfo(
        column.name,
        column.type,
        column.max_length,
        column.max_length,
        column.max_digits,
        column.decimal_places,
        column.null,
        column.default,
        column.collation or None,
        column.comment,
        column.field,
    )


def _on_delete() -> tuple[Any, ...]:
    from django.db import models

    return (models.DO_NOTHING,) if hasattr(models, "DB_CASCADE") else ()


def _column_constraints(entry: TableEntry, name: Callable[..., str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what the columns themselves say: primary key, unique and index."""
    keys = [column.name for column in entry.columns if column.primary_key]
    if keys:
        yield f"{entry.name}_pkey", _info(keys, primary_key=True, unique=True)
    for column in entry.columns:
        columns = [column.name]
        if column.unique and not column.primary_key:
            yield name(entry.name, columns, "_uniq"), _info(columns, unique=True, index=True)
        elif column.db_index and not column.primary_key:
            yield name(entry.name, columns), _info(columns, index=True, orders=["ASC"], type=Index.suffix)
        if column.field in POSITIVE and column.relation is None:
            yield f"{entry.name}_{column.name}_check", _info(columns, check=True)


def _constraint(each: ConstraintEntry) -> dict[str, Any]:
    kind = Index.suffix if each.index and not each.unique else None
    return _info(each.columns, unique=each.unique, index=each.index, check=each.check, orders=list(each.orders), type=kind)


def _info(columns: Sequence[str | None], **given: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "primary_key": False,
        "unique": False,
        "foreign_key": None,
        "check": False,
        "index": False,
        "orders": [],
        "type": None,
    }
    return {"columns": list(columns), **defaults, **given}
