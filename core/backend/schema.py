"""Migrations: a kind needs no creation, so a schema operation changes the catalog, and the entities where their stored form changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.models import CompositePrimaryKey
from django.db.utils import IntegrityError, NotSupportedError, ProgrammingError

from ..datamodel import ENTITY, KEY, Column, Entity, Query, Shape, Type
from ..mapping.columns import is_positive, map_column, unquoted
from ..session.alias import forget
from ..session.session import first_row
from .alteration import Alteration, fill, form_of
from .binding import bound, references
from .catalog import ColumnEntry, TableEntry
from .constraints import ConstraintEditor
from .description import (
    column_text,
    columns_of,
    describe_field,
    describe_model,
    entry_text,
    is_key,
    quoted,
)
from .filling import computed_fill, regenerating
from .markers import difference, said
from .rewriting import Assignment
from .rowchecks import Alter
from .steps import kind_of, table_text

if TYPE_CHECKING:
    from ..uniqueness import UniqueValues

KEYS = Shape((Column(KEY, Type.KEY),))
ENTITIES = Shape((Column(ENTITY, Type.ENTITY),))
DELETION = "DROP TABLE "


class DatabaseSchemaEditor(ConstraintEditor):
    """What each operation of a migration on kinds and columns does."""

    sql_delete_table = f"{DELETION}%(table)s"

    def execute(self, sql: Any, params: Any = ()) -> None:
        if self.collect_sql:
            super().execute(sql, params)
            return
        self._refuse_atomic(str(sql))
        name = str(sql).rstrip("; \n").removeprefix(DELETION)
        if str(sql).startswith(DELETION) and (name.isidentifier() or name == quoted(unquoted(name))):
            self._delete(unquoted(name))
        else:
            self._run_sql(str(sql), params)

    def _run_sql(self, sql: str, params: Any) -> None:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql, params)
        except NotSupportedError as error:
            raise NotSupportedError(
                f"{error} In a migration replace RunSQL by RunPython and the ORM, or keep it from this database by a router's "
                "allow_migrate()."
            ) from error

    def quote_value(self, value: Any) -> str:
        return repr(value)

    def prepare_default(self, value: Any) -> str:
        return self.quote_value(value)

    # Kinds

    def create_model(self, model: Any) -> None:
        for field in model._meta.local_concrete_fields:
            self._refuse_generated(field)
        entry = describe_model(model, self.connection)
        step = f"CREATE TABLE {quoted(entry.name)} ({entry_text(entry)})"
        self._perform(step, lambda: self._create(model, entry, step))
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.create_model(field.remote_field.through)

    def _create(self, model: Any, entry: TableEntry, step: str) -> None:
        """Write the first entry of a kind; one that is there already has to be of a run that was interrupted later."""
        existing = self.catalog.get(entry.name)
        self.row_checks.forget(entry.name)
        if existing is None or self.markers.is_building(existing, step):
            self.markers.forget(entry.name)
            self.markers.build(entry, step, model, self.markers.of(model), creates=True)
            self.catalog.put(replace(entry, unfinished=True))
        elif not existing.unfinished or not set(entry.columns) <= set(existing.columns):
            raise ProgrammingError(
                f"The kind {entry.name!r} is already in the catalog of {self.connection.alias!r}. If a migration made it that is not "
                "recorded, run `migrate --fake-initial`, which checks that all tables and columns are there, or `migrate --fake`."
            )
        self._made.add(entry.name)

    def delete_model(self, model: Any) -> None:
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.delete_model(field.remote_field.through)
        kind = unquoted(model._meta.db_table)
        self._perform(f"{DELETION}{quoted(kind)}", lambda: self._delete(kind))

    def _delete(self, kind: str) -> None:
        self.connection.ops.delete_kind(kind)
        self.markers.forget(kind)
        self.row_checks.forget(kind)
        self.catalog.delete(kind)
        self._made.discard(kind)

    def alter_db_table(self, model: Any, old_db_table: str, new_db_table: str) -> None:
        old, new = unquoted(old_db_table), unquoted(new_db_table)
        if old == new:
            return
        step = f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}, MOVING ITS ENTITIES"
        self._perform(step + said("REBUILDING", self.markers.of(model)), lambda: self._rename(model, old, new, step))

    def _rename(self, model: Any, old: str, new: str, step: str) -> None:
        entries = {entry.name: entry for entry in self.catalog.entries()}
        self.row_checks.forget(old, new)
        if old in entries and new in entries:
            raise ProgrammingError(f"The kind {old!r} cannot be renamed to {new!r}: the catalog has that one already.")
        if new in entries:
            return  # an earlier run of the migration, which failed later, has renamed it
        entry = entries.get(old) or replace(describe_model(model, self.connection), name=old)
        if not self.markers.is_building(entry, step):
            rewriter = self._rewriter(entry, step)
            self.markers.drop(old)
            rewriter.move(new)
        self.markers.forget(old, new)
        self.markers.build(entry, step, model, self.markers.of(model))
        entries[old] = replace(entry, name=new, progress=None)
        self._made = {new if name == old else name for name in self._made}
        self._repoint(entries.values(), lambda target: (new, target[1]) if target[0] == old else target, entries[old], gone=old)

    def _repoint(
        self, entries: Iterable[TableEntry], follow: Callable[[tuple[str, str]], tuple[str, str]], *renamed: TableEntry, gone: str = ""
    ) -> None:
        """Write those of the entries whose references follow a new name, and the entry of a table that was renamed itself."""
        changed = [entry for each in entries if (entry := each.with_references(follow)) != each or each in renamed]
        if changed:
            self.catalog.put(*changed, gone=[gone] if gone else ())

    def alter_db_table_comment(self, model: Any, old_db_table_comment: str | None, new_db_table_comment: str | None) -> None:
        comment = new_db_table_comment or ""
        self._edit(model, f"COMMENT ON TABLE {table_text(model)} IS {comment!r}", lambda entry: replace(entry, comment=comment))

    def alter_db_tablespace(self, model: Any, old_db_tablespace: str, new_db_tablespace: str) -> None:
        raise NotSupportedError(
            f"{model._meta.label} cannot move to the tablespace {new_db_tablespace!r}: the store has none. Leave out db_tablespace."
        )

    # Columns

    def add_field(self, model: Any, field: Any) -> None:
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.create_model(field.remote_field.through)
            return
        if isinstance(field, CompositePrimaryKey):
            self._change_composite_key(model, field, columns_of(field.model, field.field_names))
        if field.db_type(self.connection) is None:
            return
        field = bound(model, field)
        self._refuse_generated(field)
        forget(field.model)
        column = describe_field(field, self.connection)
        made = self.markers.of(field.model, column.name)
        step = f"ALTER TABLE {table_text(model)} ADD COLUMN {column_text(column)}"
        self._perform(step + said("BUILDING", made), lambda: self._add(model, field, column, step, made))

    def _add(self, model: Any, field: Any, column: ColumnEntry, step: str, made: Sequence[UniqueValues]) -> None:
        if field.primary_key:
            self._refuse_other_keys(model, f"{field.name} cannot become the primary key")
            self._edit_now(model, lambda entry: entry.with_column(column))
            return
        # No index covers a missing property, so filters and orders would miss the entities that are there; and a one-off default is known
        # to nobody afterwards.
        computed = computed_fill(field, self.connection)
        assignment = computed or fill(field, self.effective_default(field), self.connection)
        if computed is None and any(unique.columns == (column.name,) for unique in made):
            self._refuse_one_value(model, field, assignment)
        self._rewrite(model, step, assignment, lambda entry: entry.with_column(column), made=made, of=field.model)

    def _refuse_one_value(self, model: Any, field: Any, assignment: Callable[[Entity], Assignment | None]) -> None:
        """Refuse to give two entities the same value, before any gets it, if it is to be unique."""
        session, column = self.connection.session, unquoted(field.column)
        query = Query(kind_of(model), session.namespace(), limit=2)
        found = [assignment(row[0]) for page in session.run_query(query, ENTITIES) for row in page.rows]
        values = [made.values[column] for made in found if made is not None]
        if len(values) == 2 and None not in values:
            raise IntegrityError(
                f"{model._meta.label} cannot become unique by {field.name}: there are several rows, and all would get the default "
                f"{values[0]!r}. Add the field with null=True, fill it by RunPython, and make it unique in a later operation."
            )

    def remove_field(self, model: Any, field: Any) -> None:
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.delete_model(field.remote_field.through)
            return
        if isinstance(field, CompositePrimaryKey):
            self._change_composite_key(model, field, ())
        if field.db_type(self.connection) is None:
            return
        column = unquoted(field.column)
        gone = self.markers.of(model, column)
        step = f"ALTER TABLE {table_text(model)} DROP COLUMN {quoted(column)}, REMOVING IT FROM ITS ENTITIES"
        self._perform(step + said("DROPPING", gone), lambda: self._remove(model, field, column, step, gone))

    def _remove(self, model: Any, field: Any, column: str, step: str, gone: Sequence[UniqueValues]) -> None:
        if field in _key_fields(model):
            self._refuse_other_keys(model, f"{field.name} cannot be removed from the primary key")

        def assignment(entity: Entity) -> Assignment | None:
            return Assignment({}, removed=(column,)) if column in entity.properties else None

        self._rewrite(model, step, assignment, lambda entry: entry.without_column(column), gone=gone)

    def _change_composite_key(self, model: Any, field: Any, names: Sequence[str]) -> None:
        def change() -> None:
            self._refuse_other_keys(model, f"{field.name} cannot be added or removed")
            self._edit_now(model, lambda entry: entry.with_key(names))

        key = f"ADD PRIMARY KEY ({', '.join(map(quoted, names))})" if names else "DROP PRIMARY KEY"
        self._perform(f"ALTER TABLE {table_text(model)} {key}", change)

    def _alter_field(
        self,
        model: Any,
        old_field: Any,
        new_field: Any,
        old_type: Any,
        new_type: Any,
        old_db_params: Any,
        new_db_params: Any,
        strict: bool = False,
    ) -> None:
        old_field, new_field = bound(model, old_field), bound(model, new_field, old_field)
        column = describe_field(new_field, self.connection)
        if self._form(old_field) == self._form(new_field) and column == describe_field(old_field, self.connection):
            return  # what changes, such as the default, is not the store's
        alteration = self._alteration(model, old_field, new_field)
        gone, made = self._remarked(old_field, new_field, alteration)
        step = f"ALTER TABLE {table_text(model)} ALTER COLUMN {quoted(unquoted(old_field.column))} TO {column_text(column)}"
        text = step + said("DROPPING", gone) + said("BUILDING", made)

        def edit(entry: TableEntry) -> TableEntry:
            return entry.with_altered(unquoted(old_field.column), column)

        def alter() -> None:
            alter_column()
            if unquoted(old_field.column) != column.name and (old_field.unique or old_field.primary_key):
                old, new = (kind_of(model), unquoted(old_field.column)), (kind_of(model), column.name)
                self._repoint(self.catalog.entries(), lambda target: new if target == old else target)

        def alter_column() -> None:
            known = self.catalog.get(kind_of(model))
            names = None if known is None else {each.name for each in known.columns}
            if known is not None and _is_altered(known, unquoted(old_field.column), column):
                return
            self._refuse_other_key(model, old_field, new_field)
            if is_positive(new_field) and not is_positive(old_field):
                self.row_checks.refuse_column(new_field.model, column.name, alteration)
            if names is None or not names.isdisjoint((unquoted(old_field.column), column.name)):
                self._rewrite(model, step, alteration, edit, gone=gone, made=made, of=new_field.model)
            else:  # an earlier run of the migration, which failed later, has given it yet another name: it has no values to be unique
                self._rewrite(model, step, alteration, edit)

        self._perform(text, alter)
        if old_field.unique and self._form(old_field) != self._form(new_field):
            for related, old_reference, new_reference in references(old_field, new_field):
                self._alter_field(related, old_reference, new_reference, None, None, None, None)

    def _alteration(self, model: Any, old_field: Any, new_field: Any) -> Alter | None:
        """Return what becomes of the entities; None if they stay as they are."""
        if is_key(old_field) or is_key(new_field):
            return None
        alteration = Alteration(old_field, new_field, self.effective_default(new_field), self.connection)
        return regenerating(alteration, new_field, self.connection) if alteration.rewrites else None

    def _remarked(self, old_field: Any, new_field: Any, alteration: Alter | None) -> tuple[Sequence[UniqueValues], Sequence[UniqueValues]]:
        """Return the constraints whose markers go, and those whose markers are to be made: where values change, all with the column."""
        old = self.markers.of(old_field.model, unquoted(old_field.column))
        new = self.markers.of(new_field.model, unquoted(new_field.column))
        return (old, new) if alteration is not None else difference(old, new)

    def _refuse_other_key(self, model: Any, old_field: Any, new_field: Any) -> None:
        in_key = old_field in _key_fields(old_field.model)
        if is_key(old_field) != is_key(new_field) or (in_key and self._form(old_field) != self._form(new_field)):
            self._refuse_other_keys(model, f"{new_field.name} cannot change the primary key")

    def _form(self, field: Any) -> tuple[Any, ...]:
        return form_of(map_column(field, self.connection, is_key=is_key(field)))

    # What is refused

    def _refuse_other_keys(self, model: Any, what: str) -> None:
        """Refuse a change of the primary key where there are entities, which it names."""
        session, kind = self.connection.session, kind_of(model)
        if first_row(session.run_query(Query(kind, session.namespace(), limit=1), KEYS)) is not None:
            raise NotSupportedError(
                f"{model._meta.label}.{what} while there are entities of the kind {kind!r}: the primary key is an entity's name, which "
                "never changes. Create a new model, copy the rows by RunPython, and delete the old one."
            )

    def _refuse_generated(self, field: Any) -> None:
        features = self.connection.features
        if getattr(field, "generated", False) and not (
            features.supports_stored_generated_columns if field.db_persist else features.supports_virtual_generated_columns
        ):
            raise NotSupportedError(
                f"{field.model._meta.label}.{field.name} is a GeneratedField, which the store cannot compute. Use a property, or a field "
                "that save() sets."
            )


def _is_altered(entry: TableEntry, old_name: str, column: ColumnEntry) -> bool:
    """Tell whether an earlier run of the migration, which failed later, has altered a column: its values are not converted twice."""
    return column in entry.columns and (column.name == old_name or old_name not in {each.name for each in entry.columns})


def _key_fields(model: Any) -> tuple[Any, ...]:
    return tuple(model._meta.pk_fields)
