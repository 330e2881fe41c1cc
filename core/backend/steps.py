"""What the operations of migrations are made of: steps, which change a kind's entities, their markers, and its entry in the catalog."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.transaction import TransactionManagementError
from django.db.utils import ProgrammingError

from ..datamodel import Entity
from ..mapping.columns import unquoted
from .catalog import Catalog, TableEntry
from .description import describe_model, quoted
from .markers import BUILDING, Markers, said
from .rewriting import Assignment, Rewriter
from .statement import execute

if TYPE_CHECKING:
    from ..uniqueness import UniqueValues

logger = logging.getLogger("django.db.backends.schema")
Edit = Callable[[TableEntry], TableEntry]


class StepEditor(BaseDatabaseSchemaEditor):
    """Each operation is a step with a text, which `sqlmigrate` prints. A step that was interrupted goes on when it is run again."""

    def __enter__(self) -> Any:
        self._made: set[str] = set()  # the tables that are unfinished until the end of the block
        return super().__enter__()

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        super().__exit__(exc_type, exc_value, traceback)
        if exc_type is None and self._made:
            made = [entry for entry in self.catalog.entries() if entry.name in self._made and entry.unfinished]
            self.catalog.put(*(replace(entry, unfinished=False) for entry in made))

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.connection)

    @cached_property
    def markers(self) -> Markers:
        return Markers(self.connection, self.catalog)

    def _perform(self, text: str, action: Callable[[], None]) -> None:
        """Do a step, or say what it is where statements are collected."""
        if self.collect_sql:
            self.collected_sql.append(f"{text};")
            return
        self._refuse_atomic(text)
        logger.debug("%s", text, extra={"params": (), "sql": text})
        execute(self.connection, lambda: (text, None), action)

    def _edit(
        self,
        model: Any,
        step: str,
        edit: Edit,
        *,
        gone: Sequence[UniqueValues] = (),
        made: Sequence[UniqueValues] = (),
        of: Any = None,
    ) -> None:
        """Do a step that changes the catalog, and markers, those that are made of constraints `of` a model, if it is another."""
        text = step + said("DROPPING", gone) + said("BUILDING", made)
        self._perform(text, lambda: self._rewrite(model, step, None, edit, gone=gone, made=made, of=of or model))

    def _edit_now(self, model: Any, edit: Edit) -> None:
        self.catalog.put(edit(self._entry(model)))

    def _rewrite(
        self,
        model: Any,
        step: str,
        assignment: Callable[[Entity], Assignment | None] | None,
        edit: Edit,
        *,
        gone: Sequence[UniqueValues] = (),
        made: Sequence[UniqueValues] = (),
        of: Any = None,
    ) -> None:
        """Change the entities of a kind, then make the markers of constraints `of` the model as it will be, then change the entry."""
        known = self.catalog.get(kind_of(model))
        entry = known or describe_model(model, self.connection)
        if known is not None and edit(known) == known and not _is_of(known, step):
            gone = made = ()  # an earlier run of the migration, which failed later, has done this step
            if known.progress is not None:
                return
        if assignment is None and not made:
            self.markers.drop(entry.name, gone)
            self.catalog.put(edit(entry))
            return
        self._refuse_other_step(entry, step)
        if not self.markers.is_building(entry, step):
            self.markers.drop(entry.name, gone)
            if assignment is not None:
                self._rewriter(entry, step).assign(assignment)
        self.markers.build(entry, step, of, made)
        self.catalog.put(replace(edit(entry), progress=None))

    def _rewriter(self, entry: TableEntry, step: str) -> Rewriter:
        self._refuse_other_step(entry, step)
        return Rewriter(self.connection.session, self.catalog, entry, step)

    def _refuse_other_step(self, entry: TableEntry, step: str) -> None:
        if entry.progress is not None and not _is_of(entry, step):
            raise ProgrammingError(
                f"The kind {entry.name!r} is in the middle of another step: {entry.progress[0]}. "
                "Run the migration that it belongs to again, so that it ends, before this one."
            )

    def _entry(self, model: Any) -> TableEntry:
        """Return the entry of a model's table; one that was never migrated gets its first."""
        return self.catalog.get(kind_of(model)) or describe_model(model, self.connection)

    def _refuse_atomic(self, text: str) -> None:
        if self.connection.in_atomic_block and not self.connection.features.can_rollback_ddl:
            raise TransactionManagementError(
                "Executing DDL statements while in a transaction on databases that can't perform a rollback is prohibited. "
                f"Run this outside of atomic(): {text}."
            )


def kind_of(model: Any) -> str:
    """Return the kind that a model's rows have."""
    return unquoted(model._meta.db_table)


def table_text(model: Any) -> str:
    """Return what a step calls the table of a model."""
    return quoted(kind_of(model))


def _is_of(entry: TableEntry, step: str) -> bool:
    """Tell whether what is under way in a table is a part of a step."""
    return entry.progress is not None and entry.progress[0] in (step, step + BUILDING)
