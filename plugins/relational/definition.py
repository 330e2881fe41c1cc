"""CREATE TABLE, CREATE INDEX and DROP TABLE, as `createcachetable` sends them: what SQLite understands of them goes into the catalog."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.db.utils import NotSupportedError, OperationalError

from ...core.backend.catalog import Catalog, ColumnEntry, ConstraintEntry, TableEntry
from ...core.backend.introspection import DatabaseIntrospection
from ...core.mapping.columns import LONGEST_INDEXED, unquoted
from ...core.mapping.types import KEY_TYPES, STORED_AS, UNINDEXED
from ...core.roles import Result
from .rawtables import modelled
from .scratch import quoted

_FORM = re.compile(r"CREATE\s+TABLE\b|CREATE\s+INDEX\b|DROP\s+TABLE\b", re.IGNORECASE)
_DROP = re.compile(r'DROP\s+TABLE\s+(?P<lenient>IF\s+EXISTS\s+)?(?P<name>"[^"]+"|\w+)\s*;?\s*', re.IGNORECASE)
_LENIENT = re.compile(r"CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\b", re.IGNORECASE)
_UNKNOWN = re.compile(r"\b(?:AS|AUTOINCREMENT|CHECK|CONFLICT|DEFAULT|GENERATED|REFERENCES|WITHOUT)\b", re.IGNORECASE)
_SIZE = re.compile(r"\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)\s*")
# What other databases call the types -> the store's.
_SYNONYMS = {
    **dict.fromkeys(("bigint", "bigserial", "int", "serial", "smallint"), "integer"),
    **dict.fromkeys(("char", "character varying", "nvarchar", "varchar"), "string"),
    **dict.fromkeys(("clob",), "text"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("timestamp", "timestamp with time zone", "timestamptz"), "datetime"),
    **dict.fromkeys(("double", "double precision", "real"), "float"),
    **dict.fromkeys(("numeric",), "decimal"),
    **dict.fromkeys(("binary", "blob", "bytea"), "bytes"),
    **dict.fromkeys(("jsonb",), "json"),
}


def is_definition(sql: str) -> bool:
    """Tell whether a statement makes or drops a table, or makes an index."""
    return _FORM.match(sql) is not None


def define(connection: Any, sql: str) -> Result:
    """Change the catalog as a statement says; a table that is dropped loses its rows."""
    catalog = Catalog(connection)
    verb, what = sql.upper().split()[:2]
    if verb == "DROP":
        _drop(connection, catalog, sql)
    elif what == "TABLE":
        _create(catalog, sql.replace("%%", "%"))
    else:
        _index(catalog, sql.replace("%%", "%"))
    return Result()


def _create(catalog: Catalog, sql: str) -> None:
    entry = _described(sql)
    if catalog.get(entry.name) is None:
        catalog.put(entry)
    elif not _LENIENT.match(sql):
        raise OperationalError(f'table "{entry.name}" already exists')


def _index(catalog: Catalog, sql: str) -> None:
    """Note an index. The store has one for each property anyway."""
    with closing(sqlite3.connect(":memory:")) as database:
        for entry in catalog.entries():
            database.execute(f"CREATE TABLE {quoted(entry.name)} ({', '.join(quoted(column.name) for column in entry.columns)})")
        _run(database, sql)
        (table, name), *_ = database.execute("SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'").fetchall()
        columns = _columns_of(database, name)
    catalog.put(catalog.require(table).with_constraint(ConstraintEntry(name, columns, index=True, orders=("ASC",) * len(columns))))


def _drop(connection: Any, catalog: Catalog, sql: str) -> None:
    match = _DROP.fullmatch(sql)
    if match is None:
        raise NotSupportedError(f"Only DROP TABLE of one table is understood, not {sql[:200]!r}.")
    name = unquoted(match["name"])
    if catalog.get(name) is None and not modelled(name):
        if match["lenient"]:
            return
        raise OperationalError(f"no such table: {name}")
    connection.ops.delete_kind(name)
    catalog.delete(name)


def _described(sql: str) -> TableEntry:
    """Return the entry of the table that a statement makes."""
    unknown = _UNKNOWN.search(re.sub(r'"[^"]*"', '""', _LENIENT.sub("CREATE TABLE", sql)))
    if unknown:
        raise _refusal(f"{unknown[0].upper()} is not understood", sql)
    with closing(sqlite3.connect(":memory:")) as database:
        _run(database, sql)
        (name,) = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchone()
        found = database.execute('SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?)', (name,)).fetchall()
        uniques = list(_uniques(database, name))
    single = {columns[0] for columns in uniques if len(columns) == 1}
    constraints = [ConstraintEntry(f"{name}_{'_'.join(each)}_uniq", each, unique=True, index=True) for each in uniques if len(each) > 1]
    columns = [
        _column(each[0], each[1], sql, null=not each[2] and not each[3], key=bool(each[3]), unique=each[0] in single) for each in found
    ]
    keys = [column for column in columns if column.primary_key]
    if any(column.type not in KEY_TYPES for column in keys):
        raise _refusal("its PRIMARY KEY names its rows, so it has to be of integers or strings", sql)
    return TableEntry(name, tuple(columns), tuple(constraints))


def _run(database: sqlite3.Connection, sql: str) -> None:
    try:
        database.execute(sql)
    except sqlite3.Error as error:
        raise OperationalError(str(error)) from error


def _uniques(database: sqlite3.Connection, table: str) -> Iterator[tuple[str, ...]]:
    for (name,) in database.execute("SELECT name FROM pragma_index_list(?) WHERE \"unique\" AND origin = 'u'", (table,)).fetchall():
        yield _columns_of(database, name)


def _columns_of(database: sqlite3.Connection, index: str) -> tuple[str, ...]:
    names = [row[0] for row in database.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))]
    if None in names:
        raise NotSupportedError(f"The index {index} is of an expression. Declare it in a model's Meta.indexes.")
    return tuple(names)


def _column(name: str, declared: str, sql: str, *, null: bool, key: bool, unique: bool) -> ColumnEntry:
    words = _SIZE.sub("", declared).strip().lower()
    column_type = _SYNONYMS.get(words, words)
    if column_type not in STORED_AS:
        raise _refusal(f"the type {declared!r} of {name} is none of {', '.join(sorted(STORED_AS))}", sql)
    size = _SIZE.search(declared)
    first, second = (None, None) if size is None else (int(size[1]), None if size[2] is None else int(size[2]))
    is_text, is_decimal = column_type == "string", column_type == "decimal"
    return ColumnEntry(
        name,
        column_type,
        "BigAutoField" if key and column_type == "integer" else DatabaseIntrospection.data_types_reverse[column_type],
        null=null,
        primary_key=key,
        unique=unique,
        indexed=key or (column_type not in UNINDEXED and (not is_text or (first or LONGEST_INDEXED + 1) <= LONGEST_INDEXED)),
        max_length=first if is_text else None,
        max_digits=first if is_decimal else None,
        decimal_places=(second or 0 if first is not None else None) if is_decimal else None,
    )


def _refusal(reason: str, sql: str) -> NotSupportedError:
    return NotSupportedError(f"The store cannot make this table: {reason}. Use a model and a migration instead of {sql[:200]!r}.")
