"""What the rows that are there get in a column whose values are computed: a generated one, or one with an expression as `db_default`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Value as Literal
from django.db.models.sql.query import Query
from django.db.utils import NotSupportedError

from ..datamodel import Entity, Value
from ..executor.generation import generation_of
from ..mapping import mapping_of
from .alteration import Alteration
from .rewriting import Assignment

Assign = Callable[[Entity], Assignment | None]


def computed_fill(field: Any, connection: Any) -> Assign | None:
    """Return what adds a computed column to an entity; None for a column whose values are not computed."""
    if getattr(field, "generated", False):
        return _generated(field, connection)
    if not field.has_db_default() or isinstance(field._db_default_expression, Literal):
        return None
    return _defaulted(field, connection)


def _generated(field: Any, connection: Any) -> Assign:
    mapping = mapping_of(field.model, connection)
    generation = generation_of(mapping, connection)
    wanted = [each for each in generation.all if each.column.field == field]

    def assignment(entity: Entity) -> Assignment:
        (made,) = generation.values(connection.session, [row_of(entity, mapping)], wanted)
        return Assignment(made, mapping.unindexed & made.keys())

    return assignment


def _defaulted(field: Any, connection: Any) -> Assign:
    engine, mapping = connection.engine, mapping_of(field.model, connection)
    if engine is None:
        raise NotSupportedError(
            f"The column {field.column!r} has the db_default {field._db_default_expression!r}, which the store cannot compute. "
            f"Add 'relational' to PLUGINS of DATABASES[{connection.alias!r}], or give it a plain value."
        )
    column = mapping.by_field[field]
    expression = field._db_default_expression.resolve_expression(Query(mapping.model), allow_joins=False)

    def assignment(entity: Entity) -> Assignment | None:
        if column.name in entity.properties:
            return None
        ((value,),) = engine.evaluate(connection, mapping.model, [()], {field: expression})
        return Assignment({column.name: mapping.store(column, value)}, mapping.unindexed & {column.name})

    return assignment


def regenerating(alter: Alteration, field: Any, connection: Any) -> Assign:
    """Return an alteration of a column that also computes the generated columns anew which depend on its values, if these change."""
    if not (alter.converts or alter.requires_value):
        return alter
    mapping = mapping_of(field.model, connection)
    generation = generation_of(mapping, connection)
    affected = generation.affected({alter.new.name})
    if not affected:
        return alter

    def assignment(entity: Entity) -> Assignment | None:
        made = alter(entity)
        if made is None:
            return None
        row = {**row_of(entity, mapping), **made.values}
        (values,) = generation.values(connection.session, [row], affected)
        return Assignment({**made.values, **values}, made.unindexed | (mapping.unindexed & values.keys()), made.removed)

    return assignment


def row_of(entity: Entity, mapping: Any) -> dict[str, Value]:
    """Return the stored values of a row by column, the primary key among them."""
    key = {} if mapping.is_composite or entity.key is None else {mapping.key_column.name: mapping.keys.value(entity.key)}
    return {**entity.properties, **key}
