"""Models, fields and constraints as entries of the catalog, and entries in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import CheckConstraint, F, Index, OrderBy, UniqueConstraint, Value
from django.db.models.functions import Now, Random
from django.db.models.sql.query import Query
from django.db.utils import ProgrammingError

from ..executor.generation import referenced_fields
from ..mapping import mapping_of
from ..mapping.columns import ColumnMapping, map_column, target_of, unquoted
from .catalog import ColumnEntry, ConstraintEntry, TableEntry


def describe_model(model: Any, connection: Any) -> TableEntry:
    """Return the entry that a model's table has."""
    mapping, options = mapping_of(model, connection), model._meta
    keys = mapping.key_columns
    return TableEntry(
        mapping.kind,
        tuple(_describe_column(column, primary_key=column in keys) for column in mapping.columns),
        tuple(_describe_meta(model, connection)),
        options.db_table_comment or "",
    )


def describe_field(field: Any, connection: Any) -> ColumnEntry:
    """Return the entry of a field's column."""
    return _describe_column(map_column(field, connection, is_key=is_key(field)), primary_key=field in field.model._meta.pk_fields)


def is_key(field: Any) -> bool:
    """Tell whether a field alone is the primary key of its model, so that its values are the entities' ids or names."""
    return bool(field.model._meta.pk_fields == [field])


def _describe_column(column: ColumnMapping, *, primary_key: bool) -> ColumnEntry:
    field, target = column.field, target_of(column.field)
    return ColumnEntry(
        column.name,
        column.column_type,
        target.get_internal_type() if target is field else target.get_internal_type().replace("Auto", "Integer"),
        null=field.null or column.value_field is not field,
        primary_key=primary_key,
        unique=field.unique,
        db_index=field.db_index,
        indexed=column.indexed,
        max_length=target.max_length,
        max_digits=getattr(target, "max_digits", None),
        decimal_places=getattr(target, "decimal_places", None),
        collation=getattr(target, "db_collation", None) or "",
        comment=field.db_comment or "",
        default=_default(field),
        relation=_relation(field),
    )


def _default(field: Any) -> str | None:
    if not field.has_db_default():
        return None
    expression = field._db_default_expression
    return str(expression.value if isinstance(expression, Value) else expression)


def _relation(field: Any) -> tuple[str, str] | None:
    if not field.remote_field or not getattr(field, "db_constraint", False):
        return None
    target = field.target_field
    return unquoted(target.model._meta.db_table), unquoted(target.column)


def _describe_meta(model: Any, connection: Any) -> Iterator[ConstraintEntry]:
    for names in model._meta.unique_together:
        yield describe_together(model, names, connection, unique=True)
    for constraint in model._meta.constraints:
        yield describe_constraint(model, constraint)
    for index in model._meta.indexes:
        yield describe_index(model, index)


def describe_together(model: Any, names: Iterable[str], connection: Any, *, unique: bool) -> ConstraintEntry:
    """Return the entry of one group of unique_together or index_together."""
    columns = columns_of(model, names)
    name = index_name(connection, unquoted(model._meta.db_table), columns, "_uniq" if unique else "_idx")
    return ConstraintEntry(name, columns, unique=unique, index=True, orders=("ASC",) * len(columns))


def describe_constraint(model: Any, constraint: Any) -> ConstraintEntry:
    """Return the entry of a constraint of a model's Meta."""
    unique = isinstance(constraint, UniqueConstraint)
    columns, orders = _members(model, constraint) if unique else (_checked_columns(model, constraint), ())
    return ConstraintEntry(
        constraint.name, columns, unique=unique, index=unique, check=not unique, orders=orders, definition=repr(constraint)
    )


def _checked_columns(model: Any, constraint: Any) -> tuple[str, ...]:
    """Return the columns that a condition reads."""
    if not isinstance(constraint, CheckConstraint):
        return ()
    fields = referenced_fields(Query(model).build_where(constraint.condition))
    return tuple(dict.fromkeys(unquoted(field.column) for field in fields))


def describe_index(model: Any, index: Any) -> ConstraintEntry:
    """Return the entry of an index of a model's Meta."""
    columns, orders = _members(model, index)
    return ConstraintEntry(index.name, columns, index=True, orders=orders, definition=repr(index))


def _members(model: Any, given: Any) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return the columns of an index or unique constraint with their orders; None stands for an expression, included columns are last."""
    if isinstance(given, Index) and given.fields_orders:
        ordered = [(model._meta.get_field(name).column, order or "ASC") for name, order in given.fields_orders]
    else:
        ordered = [(model._meta.get_field(name).column, "ASC") for name in given.fields]
        ordered += [_member(model, expression) for expression in given.expressions]
    included = columns_of(model, given.include)
    columns = tuple(None if column is None else unquoted(column) for column, _ in ordered)
    return columns + included, tuple(order for _, order in ordered)


def _member(model: Any, expression: Any) -> tuple[str | None, str]:
    """Return the column that an indexed expression names, None if it computes, and its order."""
    parts = expression.flatten() if hasattr(expression, "flatten") else ()  # a collation may be outside of the order
    descending = any(isinstance(part, OrderBy) and part.descending for part in parts)
    named = expression.expression if isinstance(expression, OrderBy) else expression
    columns = {field.name: field.column for field in model._meta.local_concrete_fields}
    return columns.get(named.name) if isinstance(named, F) else None, "DESC" if descending else "ASC"


def refuse_changing(model: Any, given: Any) -> None:
    """Refuse an index or constraint on an expression whose value changes by itself."""
    parts = [part for each in getattr(given, "expressions", ()) if hasattr(each, "flatten") for part in each.flatten()]
    changing = next((part for part in parts if isinstance(part, (Random, Now))), None)
    if changing is not None:
        raise ProgrammingError(
            f"{model._meta.label} cannot have {given.name!r}: {changing!r} has another value each time that it is computed. "
            "Leave it out, or store its value in a field."
        )


def columns_of(model: Any, names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a model's fields."""
    return tuple(unquoted(model._meta.get_field(name).column) for name in names)


def index_name(connection: Any, table: str, columns: Iterable[str], suffix: str = "") -> str:
    """Return the name that Django gives to an index or constraint without one."""
    return str(connection.schema_editor()._create_index_name(table, list(columns), suffix))


def entry_text(entry: TableEntry) -> str:
    """Return an entry in words."""
    constraints = [f"{each.name}: {each.definition or ', '.join(map(str, each.columns))}" for each in entry.constraints]
    return ", ".join([*map(column_text, entry.columns), *constraints])


def column_text(column: ColumnEntry) -> str:
    """Return a column in words."""
    size = {"decimal": f"({column.max_digits}, {column.decimal_places})", "string": f"({column.max_length})" if column.max_length else ""}
    parts = [quoted(column.name), (column.type or column.field) + size.get(column.type, "")]
    flags = {"PRIMARY KEY": column.primary_key, "UNIQUE": column.unique and not column.primary_key, "UNINDEXED": not column.indexed}
    parts += [word for word, on in flags.items() if on]
    parts.append("NULL" if column.null else "NOT NULL")
    if column.relation is not None:
        table, referred = column.relation
        parts.append(f"REFERENCES {quoted(table)} ({quoted(referred)})")
    return " ".join(parts)


def quoted(name: str) -> str:
    """Return a name as the steps of migrations write it."""
    return f'"{name}"'
