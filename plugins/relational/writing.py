"""Raw SQL that writes: it runs over the rows in the scratch database, and what it changed there is written as the ORM would write it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db.utils import DataError, NotSupportedError

from ...core.backend.compiler.insertion import Insertion
from ...core.backend.compiler.retry import write_guarded
from ...core.datamodel import ENTITY, KEY, VERSION, Entity, Key, Row, Value, Verb
from ...core.mapping import ColumnMapping
from ...core.planner.plan import Plan
from ...core.roles import Result
from ...core.session.changes import Assigned, Change
from ...core.session.writing import Writer
from .catalogued import refuse_to_write
from .evaluation import decoder, row_number
from .fetching import Fetcher
from .rawreading import RawReading
from .scratch import Scratch, quoted
from .sources import Source
from .tables import Table

_TEXT = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_CONFLICT = re.compile(r"\A\s*REPLACE\b|\b(?:INSERT|UPDATE)\s+OR\b|\bON\s+CONFLICT\b", re.IGNORECASE)
Snapshot = dict[int, tuple[Any, ...]]


def write(reading: RawReading) -> Result:
    """Run an INSERT, an UPDATE or a DELETE."""
    sql = reading.statement.sql
    if _CONFLICT.search(_TEXT.sub(" ", sql)):
        raise NotSupportedError(
            f"Raw SQL does not know what the store would conflict with, so it cannot run {sql[:200]!r}. Use bulk_create() with "
            "update_conflicts or ignore_conflicts."
        )
    ((name, verbs),) = reading.access.writes.items()
    if name in reading.tables.entries:
        refuse_to_write(reading.tables.entries[name])
    table = _writable(reading.tables.found[name])
    return _insert(reading, table) if verbs == {"INSERT"} else Changing(reading, table, delete=verbs == {"DELETE"}).run()


def _writable(table: Table) -> Table:
    """Return a table that several models share with the mapping first that has all of its columns."""
    for mapping in table.mappings:
        if mapping.by_name.keys() >= table.columns.keys():
            return replace(table, mappings=(mapping,))
    names = ", ".join(mapping.label for mapping in table.mappings)
    raise NotSupportedError(f"{names} share the table {table.name}, and none has all of its columns. Write through one of them.")


def _insert(reading: RawReading, table: Table) -> Result:
    """Insert the rows that the statement makes; none of them is there yet when the scratch database makes them."""
    scratch, mapping, statement = reading.scratch, table.mapping, reading.statement
    columns = list(table.columns.values())
    sources = [replace(each, columns=columns) if each.table.name == table.name else each for each in reading.sources()]
    fetcher = reading.fetcher()
    loads = fetcher.fetch_all(sources, ())
    with scratch.filled():
        for rows in loads:
            scratch.insert(rows)
        count = fetcher.counts.get(table.name, 0)
        result = scratch.result(statement.sql, statement.params)
        made = [values for number, values in _snapshot(scratch, table, columns).items() if number > count]
    if result.description is not None:
        raise NotSupportedError(f"Raw SQL cannot return what the store makes of a row: {statement.sql[:200]!r}. Leave RETURNING out.")
    inserted = _decoded(scratch, table, columns, made)
    for row in inserted:
        _refuse_missing(table, row)
        mapping.check_size(row, reading.connection.session.capabilities.entity_bytes)
    Insertion(reading.connection.session, mapping, inserted).run()
    reading.report(fetcher)
    last = None if mapping.is_composite or not inserted else inserted[-1][mapping.key_column.name]
    return replace(result, lastrowid=last if isinstance(last, int) else None)


def _refuse_missing(table: Table, row: dict[str, Value]) -> None:
    """Refuse a null that a default of the database would replace, for the statement may have meant that."""
    for column in table.columns.values():
        field = column.field
        if row[column.name] is None and (getattr(field, "generated", False) or field.has_db_default()):
            raise NotSupportedError(
                f"Raw SQL does not compute {table.mapping.label}.{field.name}, which has a db_default or is generated. "
                "Insert the row by the ORM."
            )


class Changing:
    """An UPDATE or a DELETE."""

    def __init__(self, reading: RawReading, table: Table, *, delete: bool) -> None:
        self.reading, self.table, self.delete = reading, table, delete
        self.session, self.mapping = reading.connection.session, table.mapping
        names = reading.access.sets.get(table.name, set())
        self._refuse_generated()
        self.set = [column for column in self.mapping.columns if column.name in names]
        self.writer = Writer(self.session, self.mapping, None if delete else Assigned(frozenset(), frozenset(names)))
        keyless = delete and not self.session.capabilities.keys_only_versions
        self.whole = self.writer.needs_before or keyless or (not delete and self.writer.reads_first)
        self.target = self._target(names)
        self.sources = [self.target, *reading.sources(without=table.name)]
        self.fetcher: Fetcher | None = None
        self.result = Result()

    def _refuse_generated(self) -> None:
        """Refuse an update of a table with columns that are computed from others."""
        for column in () if self.delete else self.mapping.columns:
            if getattr(column.field, "generated", False):
                raise NotSupportedError(
                    f"Raw SQL does not compute {self.mapping.label}.{column.field.name}, which is generated. Update the rows by the ORM."
                )

    def _target(self, names: set[str]) -> Target:
        columns = self.table.read(self.reading.access.reads.get(self.table.name, set()) | names)
        before = (KEY, VERSION, ENTITY) if self.whole else (KEY, VERSION)
        return Target(self.table, columns, self.reading.restriction.filter, self.reading.namespace, before)

    def run(self) -> Result:
        """Run it as a statement, which a transaction may run again."""
        self.session.perform(self._run, model=None if self.delete else self.mapping.model)
        assert self.fetcher is not None
        self.reading.report(self.fetcher)
        return self.result

    def _run(self) -> int:
        changes = self._changes()
        return write_guarded(self.session, self.writer, changes, self._again) if changes else 0

    def _again(self, keys: Sequence[Key]) -> list[Change]:
        wanted = set(keys)
        return [change for change in self._changes() if change.key in wanted]

    def _changes(self) -> list[Change]:
        """Run the statement over the rows as they are now, and return what it changes of them."""
        scratch, statement = self.reading.scratch, self.reading.statement
        self.fetcher = fetcher = self.reading.fetcher()
        rows = fetcher.fetch(self.target, "write")
        loads = [self.target.rows(rows), *(source.rows(fetcher.fetch(source)) for source in self.sources[1:])]
        with scratch.filled():
            for load in loads:
                scratch.insert(load)
            before = _snapshot(scratch, self.table, self.set)
            self.result = scratch.result(statement.sql, statement.params)
            after = _snapshot(scratch, self.table, self.set)
        numbered = dict(enumerate(rows, 1))
        if self.delete:
            return [self._deletion(row) for number, row in numbered.items() if number not in after]
        changed = [number for number in numbered if before[number] != after[number]]
        values = _decoded(scratch, self.table, self.set, [after[number] for number in changed])
        return [
            self._update(numbered[number], _differing(self.set, before[number], after[number], each))
            for number, each in zip(changed, values, strict=True)
        ]

    def _deletion(self, row: Row) -> Change:
        return Change(Verb.DELETE, row[0], before=row[2] if self.whole else None, version=row[1])

    def _update(self, row: Row, values: dict[str, Value]) -> Change:
        if not values.keys().isdisjoint(column.name for column in self.mapping.key_columns):
            raise NotSupportedError(
                f"Raw SQL cannot change the primary key of {self.mapping.kind}, which names the entity. Insert a row with the new key and "
                "delete this one."
            )
        before: Entity | None = row[2] if self.whole else None
        if self.writer.needs_after and before is not None:
            values = {**{name: before.properties[name] for name in self.mapping.by_name if name in before.properties}, **values}
        self.mapping.check_size(values, self.session.capabilities.entity_bytes)
        return Change(Verb.UPDATE, row[0], values, before=before, version=row[1])


@dataclass(frozen=True, slots=True)
class Target(Source):
    """The table that is written: `before` the columns of each row come what a write needs to know of it."""

    before: tuple[str, ...] = ()

    def plan(self, connection: Any, limit: int | None = None) -> Plan:
        plan = Source.plan(self, connection, limit)
        return replace(plan, columns=(*self.before, *plan.columns))

    def rows(self, fetched: Sequence[Row]) -> Any:
        return Source.rows(self, [row[len(self.before) :] for row in fetched])


def _differing(columns: Sequence[ColumnMapping], before: Row, after: Row, values: dict[str, Value]) -> dict[str, Value]:
    return {column.name: values[column.name] for column, old, new in zip(columns, before, after, strict=True) if old != new}


def _snapshot(scratch: Scratch, table: Table, columns: Sequence[ColumnMapping]) -> Snapshot:
    """Return the rows of a table by their number: those that were inserted first have the numbers from 1 on."""
    # With a plus, which keeps sqlite3 from converting what it may not understand.
    names = "".join(f", +{quoted(column.name)}" for column in columns)
    text = f"SELECT {row_number(table.mapping.model)}{names} FROM {quoted(table.name)}"
    return {row[0]: row[1:] for row in scratch.run(text.replace("%", "%%"), ())}


def _decoded(scratch: Scratch, table: Table, columns: Sequence[ColumnMapping], rows: Sequence[Row]) -> list[dict[str, Value]]:
    """Return SQLite's values as they are stored, by column."""
    readers = [(column.name, _reader(scratch, table, column)) for column in columns]
    return [{name: read(value) for (name, read), value in zip(readers, row, strict=True)} for row in rows]


def _reader(scratch: Scratch, table: Table, column: ColumnMapping) -> Callable[[Any], Value]:
    field, mapping = column.field, table.mapping
    decode = _checked_json if column.column_type == "json" else decoder(scratch, field)

    def read(value: Any) -> Value:
        if value is None:
            return mapping.store(column, None)
        try:
            decoded = decode(value)
            if decoded is None:
                raise ValueError("no value of the column's type")
            return mapping.store(column, decoded)
        except (AttributeError, TypeError, ValueError, ValidationError) as error:  # Django's converters raise any of these
            raise DataError(f"{value!r} is no value for {mapping.label}.{field.name}, a {type(field).__name__}.") from error

    return read


def _checked_json(text: Any) -> str:
    """Return a text that is JSON, as it is; another is a ValueError or a TypeError."""
    json.loads(text)
    return str(text)
