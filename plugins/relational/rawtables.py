"""The tables that a statement of raw SQL touches: those of models, else those that the catalog describes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.apps import apps as installed
from django.db.utils import OperationalError

from ...core.backend.catalog import Catalog, TableEntry
from ...core.mapping import mapping_of
from .access import Access
from .catalogued import ROW_KEY, model_of
from .rawscratch import RawScratch
from .tables import NO_TABLE, Table, models_of, table_of

_NO_COLUMN = re.compile(r"no such column: .*|table .* has no column named .*")


class RawTables:
    """Finds, and makes in the scratch database, the tables of one statement."""

    def __init__(self, scratch: RawScratch, sql: str, count: int) -> None:
        self.scratch, self.sql, self.count = scratch, sql, count
        self.catalog = Catalog(scratch.outer)
        self.found: dict[str, Table] = {}
        self.entries: dict[str, TableEntry] = {}  # of the tables whose columns are the catalog's
        self._asked: set[str] = set()
        self._modelled: list[str] = []

    def access(self) -> Access:
        """Return what the statement touches; the tables are then in `found`."""
        while True:
            try:
                access = self.scratch.examine(self.sql, self.count)
            except OperationalError as error:
                self._correct(error)
            else:
                changed = [self._add(name) for name in access.tables if name not in self.found]
                if not any(changed):
                    return access

    def _correct(self, error: OperationalError) -> None:
        """Make what an error says is missing, or raise it."""
        match = NO_TABLE.fullmatch(str(error))
        if match is not None and match[1].lower() not in self._asked:
            self._asked.add(match[1].lower())
            self._add(match[1])
        elif match is not None or not _NO_COLUMN.fullmatch(str(error)) or not (self._forget_others() or self._as_catalogued()):
            raise error

    def _forget_others(self) -> bool:
        """Drop the tables that were made for other statements, and may have changed since; tell whether there were any."""
        others = [name for name in self.scratch.tables if name not in self.found]
        for name in others:
            self.scratch.forget(name)
        return bool(others)

    def _add(self, name: str) -> bool:
        """Make a table as it is now; tell whether that changed it. Raise OperationalError where the store has none of this name."""
        models = modelled(name)
        if models:
            self._modelled.append(mapping_of(models[0], self.scratch.outer).kind)
            return self._ensure(models)
        entry = self._entry(name)
        if entry is None:
            self.scratch.forget(name)
            raise OperationalError(f"no such table: {name}")
        self.entries[entry.name] = entry
        return self._ensure([model_of(entry)])

    def _entry(self, name: str) -> TableEntry | None:
        """Return the catalog's entry of a table. SQL does not tell the case of names."""
        entry = self.catalog.get(name)
        if entry is None:
            others = [each for each in self.catalog.names() if each.lower() == name.lower()]
            entry = self.catalog.get(others[0]) if others else None
        return entry

    def _as_catalogued(self) -> bool:
        """Take all columns from the catalog, for in a migration they are others than the model's; tell if that changed any."""
        modelled, self._modelled = self._modelled, []
        entries = [entry for name in modelled if (entry := self.catalog.get(name)) is not None]
        self.entries.update((entry.name, entry) for entry in entries)
        changed = [self._ensure([model_of(entry)]) for entry in entries]
        return any(changed)

    def _ensure(self, models: Sequence[Any]) -> bool:
        mappings = [mapping_of(model, self.scratch.outer) for model in models]
        name = mappings[0].kind
        before = self.scratch.tables.get(name)
        self.found[name] = table = self.scratch.ensure(_without_row_key(table_of(name, mappings)))
        return before is None or before.declared != table.declared


def _without_row_key(table: Table) -> Table:
    """Hide the key of a table without a primary key."""
    columns = {name: column for name, column in table.columns.items() if name != ROW_KEY}
    return replace(table, columns=columns, declared=tuple(each for each in table.declared if each[0] != ROW_KEY))


def modelled(name: str) -> list[Any]:
    """Return the models of a table."""
    return models_of((installed,), name)
