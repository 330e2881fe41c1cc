"""From entities to rows: filters, sort orders, projections, and the columns of a shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from kindstore.core.datamodel import ENTITY, ID, KEY, VERSION, Column, Entity, GeoPoint, Key, Order, Query, Row, Shape, Type, UnexpectedType
from kindstore.core.datamodel.matching import compile_filter
from kindstore.core.datamodel.ordering import MISSING, compile_path, compile_sort_key, sort_key

TYPES: dict[type, Type] = {
    bool: Type.BOOL,
    int: Type.INT,
    float: Type.FLOAT,
    str: Type.STR,
    bytes: Type.BYTES,
    datetime: Type.TIMESTAMP,
    GeoPoint: Type.GEO,
    Key: Type.KEY,
    tuple: Type.ARRAY,
    Entity: Type.ENTITY,
}
PSEUDO: dict[str, Callable[[Entity], Any]] = {
    KEY: lambda entity: entity.key,
    ID: lambda entity: entity.key.id_or_name if entity.key else None,
    VERSION: lambda entity: entity.version,
    ENTITY: lambda entity: entity,
}


def indexed(name: str) -> Callable[[Entity], Any]:
    """Return a reader of a property as the indexes see it."""
    if name == KEY:
        return PSEUDO[KEY]
    return lambda entity: MISSING if name in entity.unindexed else entity.properties.get(name, MISSING)


def select(entities: Iterable[Entity], query: Query, orders: Sequence[Order]) -> list[Entity]:
    """Return all that a query finds, sorted, before its cursors, offset and limit."""
    found = [each for each in entities if each.key and each.key.namespace == query.namespace]
    if query.projection:
        found = [part for entity in found for part in _explode(entity, query.projection)]
    if query.filter is not None:
        found = list(filter(compile_filter(query.filter, indexed), found))
    readers = [compile_path(order.name, indexed) for order in orders]
    found = [entity for entity in found if all(read(entity) not in (MISSING, ()) for read in readers)]
    found.sort(key=compile_sort_key(orders, indexed))
    return list(_distinct(found, query.distinct_on)) if query.distinct_on else found


def make_row(entity: Entity, shape: Shape) -> Row:
    """Return the columns that a shape asks for."""
    return tuple([_read(entity, column) for column in shape.columns])


def complete_orders(query: Query, inequalities: Iterable[str]) -> list[Order]:
    """Return the sort orders of a query with those that it implies; the last is the key."""
    orders = list(query.orders)
    descending = bool(orders) and orders[-1].descending
    for name in (*query.distinct_on, *inequalities, *query.projection, KEY):
        if all(order.name != name for order in orders):
            orders.append(Order(name, descending))
    return orders


def _explode(entity: Entity, names: tuple[str, ...]) -> Iterator[Entity]:
    """Yield an entity for each combination of the elements of its projected arrays; none where a property is in no index."""
    values = [compile_path(name, indexed)(entity) for name in names]
    choices = [value if type(value) is tuple else () if value is MISSING else (value,) for value in values]
    for combination in product(*choices):
        properties = {**entity.properties, **dict(zip(names, combination, strict=True))}
        yield Entity(entity.key, properties, entity.unindexed, entity.version)


def _distinct(found: list[Entity], names: tuple[str, ...]) -> Iterator[Entity]:
    seen = set()
    for entity in found:
        group = tuple(sort_key(indexed(name)(entity)) for name in names)
        if group not in seen:
            seen.add(group)
            yield entity


def _read(entity: Entity, column: Column) -> Any:
    if column.name in PSEUDO:
        return PSEUDO[column.name](entity)
    if column.name not in entity.properties:
        return column.default()
    value = entity.properties[column.name]
    if value is None:
        return None if column.nullable else column.default()
    found = TYPES[type(value)]
    if column.type not in (Type.ANY, found):
        raise UnexpectedType(entity.key, column, found.value)
    return value
