"""Migrations: what each operation on constraints and indexes does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import UniqueConstraint

from ..session.alias import forget
from .binding import with_constraint, with_together, without_constraint, without_together
from .catalog import ConstraintEntry, TableEntry
from .description import describe_constraint, describe_index, describe_together, quoted, refuse_changing
from .markers import together
from .rowchecks import RowChecks
from .steps import StepEditor, table_text

if TYPE_CHECKING:
    from ..uniqueness import UniqueValues


class ConstraintEditor(StepEditor):
    """Adds, renames and drops constraints and indexes."""

    @cached_property
    def row_checks(self) -> RowChecks:
        return RowChecks(self.connection)

    def add_index(self, model: Any, index: Any) -> None:
        refuse_changing(model, index)
        self._add_constraint(model, str(index.create_sql(model, self)), describe_index(model, index))

    def remove_index(self, model: Any, index: Any) -> None:
        self._drop_constraint(model, "INDEX", index.name)

    def rename_index(self, model: Any, old_index: Any, new_index: Any) -> None:
        renamed = describe_index(model, new_index)
        text = f"ALTER TABLE {table_text(model)} RENAME INDEX {quoted(old_index.name)} TO {quoted(new_index.name)}"
        self._edit(model, text, lambda entry: entry.without_constraint(old_index.name).with_constraint(renamed))

    def add_constraint(self, model: Any, constraint: Any) -> None:
        forget(model)
        if not self.collect_sql:
            self.row_checks.refuse_breaking(model, constraint)
        owner = with_constraint(model, constraint)
        made = self.markers.of_constraint(owner, constraint)
        refuse_changing(model, constraint)
        self._add_constraint(model, self._constraint_text(model, constraint), describe_constraint(model, constraint), made, owner)
        if not self.collect_sql:
            self.row_checks.added(model, constraint)

    def _constraint_text(self, model: Any, constraint: Any) -> str:
        if isinstance(constraint, UniqueConstraint):
            return str(constraint.create_sql(model, self))
        return f"ALTER TABLE {table_text(model)} ADD CONSTRAINT {quoted(constraint.name)} ({constraint!r})"

    def remove_constraint(self, model: Any, constraint: Any) -> None:
        forget(model)
        gone = self.markers.only_of_constraint(without_constraint(model, constraint), constraint)
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
            gone = self.markers.only_of_constraint(without_together(model, names), together(names)) if unique else ()
            self._drop_together(model, describe_together(model, names, self.connection, unique=unique), gone)
        for names in sorted(news - olds):
            owner = with_together(model, names) if unique else model
            made = self.markers.of_constraint(owner, together(names)) if unique else ()
            fields = [model._meta.get_field(name) for name in names]
            sql = self._create_unique_sql(model, fields) if unique else self._create_index_sql(model, fields=fields, suffix="_idx")
            self._add_constraint(model, str(sql), describe_together(model, names, self.connection, unique=unique), made, owner)

    def _drop_together(self, model: Any, dropped: ConstraintEntry, gone: Sequence[UniqueValues]) -> None:
        """Drop by columns: the name may be that of a column before it was renamed."""
        names = ", ".join(quoted(str(name)) for name in dropped.columns)
        step = f"ALTER TABLE {table_text(model)} DROP {'UNIQUE' if dropped.unique else 'INDEX'} ({names})"

        def edit(entry: TableEntry) -> TableEntry:
            return replace(entry, constraints=tuple(each for each in entry.constraints if replace(each, name=dropped.name) != dropped))

        self._edit(model, step, edit, gone=gone)

    def _add_constraint(
        self, model: Any, step: str, constraint: ConstraintEntry, made: Sequence[UniqueValues] = (), of: Any = None
    ) -> None:
        self._edit(model, step, lambda entry: entry.with_constraint(constraint), made=made, of=of)

    def _drop_constraint(self, model: Any, what: str, name: str, gone: Sequence[UniqueValues] = ()) -> None:
        step = f"ALTER TABLE {table_text(model)} DROP {what} {quoted(name)}"
        self._edit(model, step, lambda entry: entry.without_constraint(name), gone=gone)
