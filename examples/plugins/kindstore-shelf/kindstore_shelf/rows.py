"""What a query finds among entities: filters, sort orders, projections, and groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from kindstore.core.datamodel import KEY, Entity, Order, Query
from kindstore.core.datamodel.matching import compile_filter
from kindstore.core.datamodel.ordering import MISSING, compile_path, compile_sort_key, sort_key
from kindstore.core.datamodel.rows import indexed_property


def select(entities: Iterable[Entity], query: Query, orders: Sequence[Order]) -> list[Entity]:
    """Return all that a query finds, sorted, before its cursors, offset and limit."""
    found = [each for each in entities if each.key and each.key.namespace == query.namespace]
    if query.projection:
        found = [part for entity in found for part in _explode(entity, query.projection)]
    if query.filter is not None:
        found = list(filter(compile_filter(query.filter, indexed_property), found))
    readers = [compile_path(order.name, indexed_property) for order in orders]
    found = [entity for entity in found if all(read(entity) not in (MISSING, ()) for read in readers)]
    found.sort(key=compile_sort_key(orders, indexed_property))
    return list(_distinct(found, query.distinct_on)) if query.distinct_on else found


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
    values = [compile_path(name, indexed_property)(entity) for name in names]
    choices = [value if type(value) is tuple else () if value is MISSING else (value,) for value in values]
    for combination in product(*choices):
        properties = {**entity.properties, **dict(zip(names, combination, strict=True))}
        yield Entity(entity.key, properties, entity.unindexed, entity.version)


def _distinct(found: list[Entity], names: tuple[str, ...]) -> Iterator[Entity]:
    seen = set()
    for entity in found:
        group = tuple(sort_key(indexed_property(name)(entity)) for name in names)
        if group not in seen:
            seen.add(group)
            yield entity
