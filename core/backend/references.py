"""Foreign keys whose row is missing. The store keeps none from being written; `check_constraints()` looks for them, as after `loaddata`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import router
from django.db.models import ForeignKey, QuerySet
from django.db.utils import IntegrityError

from ..mapping import mapping_of

if TYPE_CHECKING:
    from .base import DatabaseWrapper

CHUNK = 1000  # rows whose references are looked up at a time


def check_references(connection: DatabaseWrapper, tables: Collection[str] | None) -> None:
    """Raise IntegrityError for a row that refers to none: of those written in the open transaction, else of all rows of the tables."""
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.proxy or (tables is not None and options.db_table not in tables) or not _is_here(connection, model):
            continue
        fields = [field for field in options.local_concrete_fields if _is_reference(connection, field)]
        rows = _rows(connection, model, fields) if fields else iter(())
        while chunk := list(islice(rows, CHUNK)):
            for at, field in enumerate(fields, 1):
                _check(connection, field, chunk, at)


def _is_here(connection: DatabaseWrapper, model: Any) -> bool:
    return bool(model._meta.managed and not model._meta.swapped and router.allow_migrate_model(connection.alias, model))


def _is_reference(connection: DatabaseWrapper, field: Any) -> bool:
    return isinstance(field, ForeignKey) and field.db_constraint and _is_here(connection, field.remote_field.model)


def _rows(connection: DatabaseWrapper, model: Any, fields: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield rows: the primary key, and the values of some fields."""
    session = connection.session
    if session.transaction is None:
        names = [field.attname for field in fields]
        yield from QuerySet(model, using=connection.alias).order_by().values_list("pk", *names).iterator(CHUNK)
        return
    mapping, namespace = mapping_of(model, connection), session.namespace()
    columns = [mapping.by_field[field] for field in fields]
    names = [column.name for column in columns]
    converters, restore = mapping.load_converters(columns, connection), mapping.restorer(names)
    keys = [key for key in session.transaction.written() if key.kind == mapping.kind and key.namespace == namespace]
    found = [(key, row) for key, row in zip(keys, session.lookup(keys, mapping.shape(names)), strict=True) if row is not None]
    rows = [row for _, row in found]
    for (key, _), row in zip(found, rows if restore is None else restore(rows), strict=True):
        values = list(row)
        for at, steps in converters:
            for step in steps:
                values[at] = step(values[at])
        yield (mapping.keys.value(key), *values)


def _check(connection: DatabaseWrapper, field: Any, rows: Iterable[Sequence[Any]], at: int) -> None:
    """Raise IntegrityError unless each row's value of a field, which is at a position, is that of a row that it may refer to."""
    referring = defaultdict(list)
    for row in rows:
        if row[at] is not None:
            referring[row[at]].append(row[0])
    name = "pk" if field.target_field.primary_key else field.target_field.attname
    targets = QuerySet(field.remote_field.model, using=connection.alias).order_by()
    found = set(targets.filter(**{f"{name}__in": list(referring)}).values_list(name, flat=True)) if referring else set()
    for value, owners in referring.items():
        if value not in found:
            raise IntegrityError(
                f"FOREIGN KEY constraint failed: {field} of the row with the primary key {owners[0]!r} is {value!r}, and there is no such "
                f"{field.remote_field.model._meta.label}. Write that row too, or correct the reference."
            )
