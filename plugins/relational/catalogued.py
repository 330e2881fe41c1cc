"""Tables that no model has, as the catalog describes them: each gets a model of its own, which nothing else knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.db.utils import NotSupportedError

from ...core.backend.catalog import ColumnEntry, ConstraintEntry, TableEntry
from ...core.backend.introspection import WRITTEN_AS, DatabaseIntrospection
from ...core.mapping.types import DATA_TYPES

_APP = "kindstore_catalog"
_KEPT = 200
ROW_KEY = "kindstore_row_key"  # the key, which no SQL sees, of a table without a primary key


def model_of(entry: TableEntry) -> Any:
    """Return a model for the rows of a table."""
    return _model_of(replace(entry, progress=None))


@lru_cache(maxsize=_KEPT)
def _model_of(entry: TableEntry) -> Any:
    keys = [column.name for column in entry.columns if column.primary_key]
    fields = {column.name: _field(column, primary_key=[column.name] == keys) for column in entry.columns}
    if not keys:
        fields[ROW_KEY] = models.BigAutoField(primary_key=True)
    if len(keys) > 1:
        fields["pk"] = models.CompositePrimaryKey(*keys)
    meta = {"app_label": _APP, "db_table": entry.name, "apps": Apps(), "managed": False, "constraints": list(_uniques(entry))}
    # A manager of another name than the usual, which a column may have.
    contents = {"__module__": __name__, "Meta": type("Meta", (), meta), "kindstore_rows": models.Manager(), **fields}
    return type(entry.name, (models.Model,), contents)


def _field(column: ColumnEntry, *, primary_key: bool) -> Any:
    known = column.field if column.field in DATA_TYPES else DatabaseIntrospection.data_types_reverse.get(column.type, "Field")
    kind = getattr(models, WRITTEN_AS.get(known, known))
    given: dict[str, Any] = {"max_length": column.max_length}
    if issubclass(kind, models.DecimalField):
        given = {"max_digits": column.max_digits, "decimal_places": column.decimal_places}
    elif issubclass(kind, (models.CharField, models.TextField)) and column.collation:
        given["db_collation"] = column.collation
    if issubclass(kind, models.AutoField) and not primary_key:
        kind = models.BigIntegerField
    return kind(null=column.null, primary_key=primary_key, unique=column.unique, db_index=column.db_index, **given)


def _uniques(entry: TableEntry) -> Iterator[models.UniqueConstraint]:
    for each in entry.constraints:
        if each.unique and _is_plain(each):
            yield models.UniqueConstraint(fields=each.columns, name=each.name)


def _is_plain(constraint: ConstraintEntry) -> bool:
    """Tell whether a unique constraint is about its columns alone, on every row."""
    return bool(constraint.columns) and not any(word in constraint.definition for word in ("condition=", "deferrable=", "nulls_distinct="))


def refuse_to_write(entry: TableEntry) -> None:
    """Raise NotSupportedError for a table with constraints that only its model could check."""
    for each in entry.constraints:
        if each.check or (each.unique and not _is_plain(each)):
            raise NotSupportedError(
                f"No model has the table {entry.name}, and its constraint {each.name} cannot be checked without one, so raw SQL cannot "
                "write to it. Write through the model that declares it."
            )
