"""The tables of the scratch database: made from the mappings of the models that a statement reads, when it first reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps as installed
from django.db.utils import OperationalError

from ...core.mapping import ColumnMapping, ModelMapping, mapping_of
from ...core.mapping.columns import unquoted
from .recording import Recording, Statement
from .scratch import Scratch, quoted
from .storage import declaration

_NO_TABLE = re.compile(r"no such table: (?:main\.)?(.*)")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the scratch database. The first of its mappings is the one to fetch rows by; more than one where models share a table."""

    name: str
    mappings: tuple[ModelMapping, ...]
    columns: dict[str, ColumnMapping]
    declared: tuple[tuple[str, str], ...]

    @property
    def mapping(self) -> ModelMapping:
        return self.mappings[0]

    def read(self, names: set[str]) -> list[ColumnMapping]:
        """Return the columns of these names in the order of the model, the key's where nothing else is read."""
        columns = [column for name, column in self.columns.items() if name in names]
        return columns or list(self.mapping.key_columns)

    def definition(self, name: str) -> Iterator[str]:
        """Yield the statements that make a table of this form, by any name."""
        columns = ", ".join(f"{quoted(column)} {declared}".rstrip() for column, declared in self.declared)
        yield f"CREATE TABLE {quoted(name)} ({columns})"
        for column in self.columns.values():
            if _is_joined_by(column):
                yield f"CREATE INDEX {quoted(f'{name} by {column.name}')} ON {quoted(name)} ({quoted(column.name)})"


def _is_joined_by(column: ColumnMapping) -> bool:
    """Tell whether joins may name a column: SQLite makes no indexes by itself here."""
    field = column.field
    return bool(field.unique or field.db_index or column.is_key or field.remote_field)


def table_of(name: str, mappings: Sequence[ModelMapping]) -> Table:
    """Return the table of models that share it."""
    columns: dict[str, ColumnMapping] = {}
    for mapping in mappings:
        for column in mapping.columns:
            columns.setdefault(column.name, column)
    return Table(name, tuple(mappings), columns, tuple((column.name, declaration(column)) for column in columns.values()))


class Tables:
    """Finds, and makes where they are missing, the tables that one statement reads."""

    def __init__(self, scratch: Scratch, statement: Statement) -> None:
        self.scratch, self.statement = scratch, statement
        self.known = owners(statement.recording)
        self.found: dict[str, Table] = {}

    def read(self) -> dict[str, set[str]]:
        """Return the names of the columns that the statement reads, by table; the tables are then in `found`."""
        for name, models in self.known.items():
            self._add(name, models)
        while True:
            try:
                reads = self.scratch.probe(self.statement.sql, len(self.statement.params))
            except OperationalError as error:
                self._add_missing(error)
            else:
                break
        for name in reads:
            if name not in self.found and name in self.scratch.tables:
                self._add(name, self._registered(name))
        return {name: columns for name, columns in reads.items() if name in self.found}

    def _add_missing(self, error: OperationalError) -> None:
        match = _NO_TABLE.fullmatch(str(error))
        models = self._registered(match[1]) if match else []
        if match is None or not models or match[1] in self.found:
            raise error
        self._add(match[1], models)

    def _registered(self, table: str) -> list[Any]:
        """Return the models of a table that no FROM clause of Django's names."""
        model = self.statement.model
        registries = dict.fromkeys((installed,) if model is None else (model._meta.apps, installed))
        for registry in registries:
            models = [model for model in registry.get_models(include_auto_created=True, include_swapped=True) if _owns(model, table)]
            if models:
                return list(dict.fromkeys(model._meta.concrete_model for model in models))
        return []

    def _add(self, name: str, models: Sequence[Any]) -> None:
        mappings = [mapping_of(model, self.scratch.outer) for model in models]
        if mappings:
            self.found[name] = self.scratch.ensure(table_of(name, mappings))


def owners(recording: Recording) -> dict[str, list[Any]]:
    """Return the models whose rows the FROM clauses of a statement read, by table."""
    found: dict[str, dict[Any, None]] = {}
    for use in recording.uses:
        for model in _models(use.query, use.clause):
            if _owns(model, use.table):
                found.setdefault(use.table, {})[model] = None
                break
    return {table: list(models) for table, models in found.items()}


def _models(query: Any, clause: Any) -> Iterator[Any]:
    join_field = getattr(clause, "join_field", None)
    candidates = (query.model,) if join_field is None else (join_field.related_model, join_field.model)
    for model in candidates:
        if hasattr(model, "_meta"):
            yield model._meta.concrete_model


def _owns(model: Any, table: str) -> bool:
    return bool(unquoted(model._meta.db_table).lower() == table.lower() and not model._meta.proxy)
