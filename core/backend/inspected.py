"""Models made from the catalog, for SQL that names tables and columns which no model of the project has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.apps.registry import Apps
from django.db import models

from ..mapping.types import DATA_TYPES
from .catalog import ColumnEntry, TableEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

ROW_KEY = "__row__"  # the name of the key's column in a table that has no primary key
OF_TEXT = ("CharField", "TextField", "SlugField", "FileField", "FilePathField")


def inspected_model(entry: TableEntry, fields_by_type: Mapping[str, str]) -> Any:
    """Return a model of a table, by which its rows can be read: with a field for each column, in no registry that anybody sees.

    `fields_by_type` names the field for a column type; it is taken for the columns of custom fields.
    """
    body: dict[str, Any] = {f"column_{number}": _field(column, fields_by_type) for number, column in enumerate(entry.columns)}
    keys = [name for name, field in body.items() if field.primary_key]
    if len(keys) > 1:
        for name in keys:
            body[name].primary_key = False
        body["pk"] = models.CompositePrimaryKey(*keys)
    elif not keys:
        body["row_key"] = models.BigAutoField(primary_key=True, db_column=ROW_KEY)
    meta = {"app_label": "kindstore_catalog", "apps": Apps(), "db_table": entry.name, "managed": False}
    return type("Inspected", (models.Model,), {**body, "Meta": type("Meta", (), meta), "__module__": __name__})


def _field(column: ColumnEntry, fields_by_type: Mapping[str, str]) -> models.Field:
    name = column.field if column.field in DATA_TYPES else fields_by_type.get(column.type, "TextField")
    name = "BigIntegerField" if name.endswith("AutoField") and not column.primary_key else name
    return getattr(models, name)(db_column=column.name, primary_key=column.primary_key, **dict(_arguments(name, column)))


def _arguments(name: str, column: ColumnEntry) -> Iterator[tuple[str, Any]]:
    """Yield what a field of this class is called with."""
    taken = ("null", "db_index", *(() if column.primary_key else ("unique",)))
    if name in OF_TEXT:
        taken += ("max_length",)
    if name == "DecimalField":
        taken += ("max_digits", "decimal_places")
    yield from ((each, getattr(column, each)) for each in taken)
    if name in ("CharField", "TextField") and column.collation:
        yield "db_collation", column.collation
