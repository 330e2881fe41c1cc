"""Migrations: a kind needs no creation, so a schema operation changes the catalog, and the entities where their stored form changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from django.db.utils import IntegrityError, NotSupportedError, ProgrammingError

from ..datamodel import ENTITY, KEY, Column, Entity, Query, Shape, Type
from ..mapping.columns import is_positive, map_column, unquoted
from ..session.alias import forget
from ..session.session import first_row
from .alteration import Alteration, fill, form_of
from .catalog import ColumnEntry, ConstraintEntry, TableEntry
from .description import column_text, describe_constraint, describe_field, describe_index, describe_model, describe_together, entry_text
from .filling import computed_fill, regenerating
from .markers import difference, said, together
from .rewriting import Assignment
from .rowchecks import Alter, RowChecks
from .steps import StepEditor, kind_of

if TYPE_CHECKING:
    from ..uniqueness import UniqueValues

KEYS = Shape((Column(KEY, Type.KEY),))
ENTITIES = Shape((Column(ENTITY, Type.ENTITY),))
DELETION = "DELETE KIND "


class DatabaseSchemaEditor(StepEditor):
    """What each operation of a migration does."""

    sql_delete_table = f"{DELETION}%(table)s"

    @cached_property
    def row_checks(self) -> RowChecks:
        return RowChecks(self.connection)

    def execute(self, sql: Any, params: Any = ()) -> None:
        if self.collect_sql:
            super().execute(sql, params)
            return
        self._refuse_atomic(str(sql))
        if str(sql).startswith(DELETION):
            self._delete(unquoted(str(sql).removeprefix(DELETION)))
        else:
            self._refuse_sql(sql)

    def _refuse_sql(self, sql: Any) -> NoReturn:
        raise NotSupportedError(
            f"The store has no SQL, so a migration cannot run {str(sql)[:200]!r}. Replace RunSQL by RunPython and the ORM, "
            "or keep it from this database by a router's allow_migrate()."
        )

    def quote_value(self, value: Any) -> str:
        return repr(value)

    def prepare_default(self, value: Any) -> str:
        return self.quote_value(value)

    # Kinds

    def create_model(self, model: Any) -> None:
        for field in model._meta.local_concrete_fields:
            self._refuse_generated(field)
        entry = describe_model(model, self.connection)
        step = f"CREATE KIND {entry.name} ({entry_text(entry)})"
        self._perform(step, lambda: self._create(model, entry, step))
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.create_model(field.remote_field.through)

    def _create(self, model: Any, entry: TableEntry, step: str) -> None:
        """Write the first entry of a kind; one that is there already has to be of a run that was interrupted later."""
        existing = self.catalog.get(entry.name)
        self.row_checks.forget(entry.name)
        if existing is None or self.markers.is_building(existing, step):
            self.markers.build(entry, step, model, self.markers.of(model), creates=True)
            self.catalog.put(entry)
        elif not set(entry.columns) <= set(existing.columns):
            raise ProgrammingError(
                f"The kind {entry.name!r} is already in the catalog of {self.connection.alias!r}, with other columns. "
                "If a migration made it that is not recorded, run `migrate --fake-initial`."
            )

    def delete_model(self, model: Any) -> None:
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.delete_model(field.remote_field.through)
        kind = unquoted(model._meta.db_table)
        self._perform(f"DELETE KIND {kind} AND ITS ENTITIES", lambda: self._delete(kind))

    def _delete(self, kind: str) -> None:
        self.connection.ops.delete_kind(kind)
        self.row_checks.forget(kind)
        self.catalog.delete(kind)

    def alter_db_table(self, model: Any, old_db_table: str, new_db_table: str) -> None:
        old, new = unquoted(old_db_table), unquoted(new_db_table)
        if old == new:
            return
        step = f"RENAME KIND {old} TO {new}, MOVING ITS ENTITIES"
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
        self.markers.build(entry, step, model, self.markers.of(model))
        entries[old] = replace(entry, name=new, progress=None)
        referring = [_repointed(each, old, new) for each in entries.values()]
        changed = [each for each in referring if each != entries.get(each.name)]
        self.catalog.put(*changed, gone=[old])

    def alter_db_table_comment(self, model: Any, old_db_table_comment: str | None, new_db_table_comment: str | None) -> None:
        comment = new_db_table_comment or ""
        self._edit(model, f"COMMENT ON KIND {kind_of(model)} IS {comment!r}", lambda entry: replace(entry, comment=comment))

    def alter_db_tablespace(self, model: Any, old_db_tablespace: str, new_db_tablespace: str) -> None:
        raise NotSupportedError(
            f"{model._meta.label} cannot move to the tablespace {new_db_tablespace!r}: the store has none. Leave out db_tablespace."
        )

    # Columns

    def add_field(self, model: Any, field: Any) -> None:
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.create_model(field.remote_field.through)
            return
        if field.db_type(self.connection) is None:
            return
        self._refuse_generated(field)
        forget(field.model)
        column = describe_field(field, self.connection)
        made = self.markers.of(field.model, column.name)
        step = f"ALTER KIND {kind_of(model)} ADD COLUMN {column_text(column)}"
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
        if field.db_type(self.connection) is None:
            return
        column = unquoted(field.column)
        gone = self.markers.of(model, column)
        step = f"ALTER KIND {kind_of(model)} DROP COLUMN {column}, REMOVING IT FROM ITS ENTITIES"
        self._perform(step + said("DROPPING", gone), lambda: self._remove(model, field, column, step, gone))

    def _remove(self, model: Any, field: Any, column: str, step: str, gone: Sequence[UniqueValues]) -> None:
        if field in _key_fields(model):
            self._refuse_other_keys(model, f"{field.name} cannot be removed from the primary key")

        def assignment(entity: Entity) -> Assignment | None:
            return Assignment({}, removed=(column,)) if column in entity.properties else None

        self._rewrite(model, step, assignment, lambda entry: entry.without_column(column), gone=gone)

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
        column = describe_field(new_field, self.connection)
        if self._form(old_field) == self._form(new_field) and column == describe_field(old_field, self.connection):
            return  # what changes, such as the default, is not the store's
        alteration = self._alteration(model, old_field, new_field)
        gone, made = self._remarked(old_field, new_field, alteration)
        step = f"ALTER KIND {kind_of(model)} ALTER COLUMN {unquoted(old_field.column)} TO {column_text(column)}"
        text = step + said("DROPPING", gone) + said("BUILDING", made)

        def edit(entry: TableEntry) -> TableEntry:
            return entry.with_altered(unquoted(old_field.column), column)

        def alter() -> None:
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
            for related, old_reference, new_reference in _references(old_field, new_field):
                self._alter_field(related, old_reference, new_reference, None, None, None, None)

    def _alteration(self, model: Any, old_field: Any, new_field: Any) -> Alter | None:
        """Return what becomes of the entities; None if they stay as they are."""
        if old_field.primary_key or new_field.primary_key:
            return None
        alteration = Alteration(old_field, new_field, self.effective_default(new_field), self.connection)
        return regenerating(alteration, new_field, self.connection) if alteration.rewrites else None

    def _remarked(self, old_field: Any, new_field: Any, alteration: Alter | None) -> tuple[Sequence[UniqueValues], Sequence[UniqueValues]]:
        """Return the constraints whose markers go, and those whose markers are to be made: where values change, all with the column."""
        old = self.markers.of(old_field.model, unquoted(old_field.column))
        new = self.markers.of(new_field.model, unquoted(new_field.column))
        return (old, new) if alteration is not None else difference(old, new)

    def _refuse_other_key(self, model: Any, old_field: Any, new_field: Any) -> None:
        is_key = old_field in _key_fields(model)
        if old_field.primary_key != new_field.primary_key or (is_key and self._form(old_field) != self._form(new_field)):
            self._refuse_other_keys(model, f"{new_field.name} cannot change the primary key")

    def _form(self, field: Any) -> tuple[Any, ...]:
        return form_of(map_column(field, self.connection, is_key=field.primary_key))

    # Constraints and indexes

    def add_index(self, model: Any, index: Any) -> None:
        self._add_constraint(model, "INDEX", describe_index(model, index))

    def remove_index(self, model: Any, index: Any) -> None:
        self._drop_constraint(model, "INDEX", index.name)

    def rename_index(self, model: Any, old_index: Any, new_index: Any) -> None:
        renamed = describe_index(model, new_index)
        text = f"ALTER KIND {kind_of(model)} RENAME INDEX {old_index.name} TO {new_index.name}"
        self._edit(model, text, lambda entry: entry.without_constraint(old_index.name).with_constraint(renamed))

    def add_constraint(self, model: Any, constraint: Any) -> None:
        forget(model)
        if not self.collect_sql:
            self.row_checks.refuse_breaking(model, constraint)
        made = self.markers.of_constraint(model, constraint)
        self._add_constraint(model, "CONSTRAINT", describe_constraint(model, constraint), made)
        if not self.collect_sql:
            self.row_checks.added(model, constraint)

    def remove_constraint(self, model: Any, constraint: Any) -> None:
        forget(model)
        gone = self.markers.only_of_constraint(model, constraint)
        self._drop_constraint(model, "CONSTRAINT", constraint.name, gone)
        if not self.collect_sql:
            self.row_checks.removed(model, constraint)

    def alter_unique_together(self, model: Any, old_unique_together: Any, new_unique_together: Any) -> None:
        self._alter_together(model, old_unique_together, new_unique_together, unique=True)

    def alter_index_together(self, model: Any, old_index_together: Any, new_index_together: Any) -> None:
        self._alter_together(model, old_index_together, new_index_together, unique=False)

    def _alter_together(self, model: Any, old: Iterable[Any], new: Iterable[Any], *, unique: bool) -> None:
        olds, news = {tuple(names) for names in old}, {tuple(names) for names in new}
        for names in sorted(olds - news):
            gone = self.markers.only_of_constraint(model, together(names)) if unique else ()
            self._drop_together(model, describe_together(model, names, self.connection, unique=unique), gone)
        for names in sorted(news - olds):
            made = self.markers.of_constraint(model, together(names)) if unique else ()
            self._add_constraint(
                model, "UNIQUE" if unique else "INDEX", describe_together(model, names, self.connection, unique=unique), made
            )

    def _drop_together(self, model: Any, dropped: ConstraintEntry, gone: Sequence[UniqueValues]) -> None:
        """Drop by columns: the name may be that of a column before it was renamed."""
        step = f"ALTER KIND {kind_of(model)} DROP {'UNIQUE' if dropped.unique else 'INDEX'} ({', '.join(dropped.columns)})"

        def edit(entry: TableEntry) -> TableEntry:
            return replace(entry, constraints=tuple(each for each in entry.constraints if replace(each, name=dropped.name) != dropped))

        self._edit(model, step, edit, gone=gone)

    def _add_constraint(self, model: Any, what: str, constraint: ConstraintEntry, made: Sequence[UniqueValues] = ()) -> None:
        step = f"ALTER KIND {kind_of(model)} ADD {what} {constraint.name} ({', '.join(constraint.columns) or constraint.definition})"
        self._edit(model, step, lambda entry: entry.with_constraint(constraint), made=made)

    def _drop_constraint(self, model: Any, what: str, name: str, gone: Sequence[UniqueValues] = ()) -> None:
        self._edit(model, f"ALTER KIND {kind_of(model)} DROP {what} {name}", lambda entry: entry.without_constraint(name), gone=gone)

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


def _references(old_field: Any, new_field: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the model and the old and the new foreign key of each reference to a field."""
    olds = {(each.model._meta.label_lower, each.name): each for each in _foreign_keys(old_field)}
    for new in _foreign_keys(new_field) if olds else ():
        old = olds.get((new.model._meta.label_lower, new.name))
        if old is not None:
            yield new.model, old, new


def _foreign_keys(field: Any) -> Iterator[Any]:
    for relation in field.model._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
            reference = relation.field
            if reference.concrete and reference.target_field.name == field.name:
                yield reference


def _repointed(entry: TableEntry, old: str, new: str) -> TableEntry:
    """Return an entry whose references to a table follow its new name."""
    columns = tuple(
        replace(column, relation=(new, column.relation[1])) if column.relation is not None and column.relation[0] == old else column
        for column in entry.columns
    )
    return replace(entry, columns=columns)
