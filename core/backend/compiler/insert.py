"""INSERT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import AutoField
from django.db.models.sql import compiler
from django.db.utils import IntegrityError, NotSupportedError

from ...datamodel import Key, Value, Verb
from ...datamodel.errors import AlreadyExists
from ...mapping import ColumnMapping, ModelMapping, mapping_of
from ...session.changes import Change
from ...session.writing import Writer

if TYPE_CHECKING:
    from ...session.session import Session

FRESH_IDS = 3  # how often an id that turns out to be taken is drawn again


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    """Inserts rows: one commit, no read."""

    def execute_sql(self, returning_fields: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        self.returning_fields = returning_fields
        session = self.connection.session
        mapping = mapping_of(self.query.model, self.connection)
        if self.query.on_conflict is not None:
            raise NotSupportedError("kindstore does not insert with ignore_conflicts or update_conflicts.")
        rows = RowBuilder(self, session, mapping).rows()
        Insertion(session, mapping, rows).run()
        return self._returned(mapping, rows) if returning_fields else []

    def _returned(self, mapping: ModelMapping, rows: list[dict[str, Value]]) -> list[tuple[Any, ...]]:
        """Return the values of the fields that the caller wants to know, as the model has them."""
        columns = [mapping.by_field[field] for field in self.returning_fields or ()]
        found = [[row.get(column.name) for column in columns] for row in rows]
        for position, steps in mapping.load_converters(columns, self.connection):
            for values in found:
                for step in steps:
                    values[position] = step(values[position])
        return [tuple(values) for values in found]

    def as_sql(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Return the statement in words, for people to read."""
        kind, names = mapping_of(self.query.model, self.connection).kind, ", ".join(field.column for field in self.query.fields)
        return [(f"INSERT INTO {kind} ({names}): {len(self.query.objs)} rows", ())]


class RowBuilder:
    """Makes rows of stored values, by column, from the objects of an INSERT."""

    def __init__(self, sql_compiler: SQLInsertCompiler, session: Session, mapping: ModelMapping) -> None:
        self.compiler, self.session, self.mapping = sql_compiler, session, mapping
        self.given = [mapping.by_field[field] for field in sql_compiler.query.fields if field in mapping.by_field]
        given = set(self.given)
        self.missing = [column for column in mapping.columns if column not in given and not column.is_key]

    def rows(self) -> list[dict[str, Value]]:
        """Return a row for each object; every column of the model is in it."""
        build, limit = self._builder(), self.session.capabilities.entity_bytes
        rows = [build(obj) for obj in self.compiler.query.objs]
        for row in rows:
            self.mapping.check_size(row, limit)
        return rows

    def _builder(self) -> Callable[[Any], dict[str, Value]]:
        readers = [(column, self._reader(column)) for column in self.given]
        missing = self.missing

        def build(obj: Any) -> dict[str, Value]:
            row = {column.name: read(obj) for column, read in readers}
            for column in missing:
                row[column.name] = column.column.default()
            return row

        return build

    def _reader(self, column: ColumnMapping) -> Callable[[Any], Value]:
        """Return the function from an object to a column's stored value."""
        field, connection, store = column.field, self.compiler.connection, self.mapping.store
        prepare, raw = field.get_db_prep_save, self.compiler.query.raw

        def read(obj: Any) -> Value:
            value = getattr(obj, field.attname) if raw else field.pre_save(obj, True)
            if hasattr(value, "resolve_expression"):
                return store(column, self._computed(column, value))
            return store(column, prepare(value, connection))

        return read

    def _computed(self, column: ColumnMapping, expression: Any) -> Any:
        """Return the value of an expression, which the residual engine computes."""
        engine, connection = self.session.engine, self.compiler.connection
        resolved = self.compiler.prepare_value(column.field, expression) if not hasattr(expression, "as_sql") else expression
        if engine is None:
            raise NotSupportedError(
                f"{self.mapping.label}.{column.field.name} is given the expression {expression!r}, and the store computes none. "
                f"Add 'relational' to PLUGINS of DATABASES[{connection.alias!r}], or give it a plain value."
            )
        ((value,),) = engine.evaluate(connection, self.mapping.model, [()], {column.field: resolved})
        return value


class Insertion:
    """Commits rows, with ids for those that have none."""

    def __init__(self, session: Session, mapping: ModelMapping, rows: list[dict[str, Value]]) -> None:
        self.session, self.mapping, self.rows = session, mapping, rows
        self.namespace = session.namespace()
        self.generated: set[Key] = set()

    def run(self) -> None:
        writer = Writer(self.session, self.mapping)
        changes = [Change(Verb.INSERT, key, values) for key, values in self._keyed()]
        self._refuse_repeated(changes)
        done: list[Change] = []
        for _ in range(FRESH_IDS):
            pending = changes[len(done) :]
            try:
                writer.write(pending, lambda chunk, _results: done.extend(chunk))
                return
            except AlreadyExists as error:
                key = self._taken(pending, error)
                if key not in self.generated:
                    raise self._conflict(key, error) from error
                self._redraw(pending, key)
        raise IntegrityError(f"No free id was found for {self.mapping.label} in {FRESH_IDS} attempts.")

    def _keyed(self) -> list[tuple[Key, dict[str, Value]]]:
        """Return the rows' keys, drawn where they have none, and their properties."""
        if self.mapping.is_composite:
            columns = self.mapping.key_columns
            return [(self.mapping.key([row[column.name] for column in columns], self.namespace), row) for row in self.rows]
        name = self.mapping.key_column.name
        self._draw_ids(name)
        keyed = []
        for row in self.rows:
            properties = {key: value for key, value in row.items() if key != name}
            keyed.append((self.mapping.key((row[name],), self.namespace), properties))
        self.generated = {key for (key, _), row in zip(keyed, self.rows, strict=True) if id(row) in self._drawn}
        return keyed

    def _draw_ids(self, name: str) -> None:
        without = [row for row in self.rows if row.get(name) is None]
        self._drawn = {id(row) for row in without}
        if not without:
            return
        field = self.mapping.key_column.field
        if not isinstance(field, AutoField) and field.get_internal_type() not in ("AutoField", "BigAutoField", "SmallAutoField"):
            raise IntegrityError(
                f"NOT NULL constraint failed: the primary key {self.mapping.label}.{field.name} has no value. Give it one."
            )
        for row, ident in zip(without, self.session.ids.take(self.mapping.kind, self.namespace, len(without)), strict=True):
            row[name] = ident

    def _refuse_repeated(self, changes: list[Change]) -> None:
        seen: set[Key] = set()
        for change in changes:
            if change.key in seen:
                raise self._conflict(change.key)
            seen.add(change.key)

    def _taken(self, pending: list[Change], error: AlreadyExists) -> Key:
        """Return the key that was taken; where the store did not say which one, it is looked up."""
        if error.key is not None:
            return error.key
        keys = [change.key for change in pending]
        rows = self.session.lookup(keys, self.mapping.shape(("__key__",)))
        return next((key for key, row in zip(keys, rows, strict=True) if row is not None), keys[0])

    def _redraw(self, pending: list[Change], key: Key) -> None:
        """Give the row whose drawn id was taken another one."""
        (ident,) = self.session.ids.take(self.mapping.kind, self.namespace, 1)
        name, fresh = self.mapping.key_column.name, self.mapping.key((ident,), self.namespace)
        change = next(change for change in pending if change.key == key)
        change.key = fresh
        self.generated.add(fresh)
        next(row for row in self.rows if row[name] == key.id_or_name)[name] = ident

    def _conflict(self, key: Key, error: Exception | None = None) -> IntegrityError:
        names = ", ".join(column.field.name for column in self.mapping.key_columns)
        said = "" if error is None or "The first" not in str(error) else f" {str(error)[str(error).index('The first') :]}"
        return IntegrityError(
            f"UNIQUE constraint failed: {self.mapping.label}.{names}: there is a row with the primary key {key.id_or_name!r} already.{said}"
        )
