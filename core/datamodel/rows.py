"""Rows and properties read from whole entities, as drivers read them from what they store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from .entity import Entity, GeoPoint
from .key import Key
from .ordering import MISSING
from .shape import ENTITY, ID, KEY, VERSION, Column, Row, Shape, Type, UnexpectedType

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
Read = Callable[[Entity], Any]
_PSEUDO: dict[str, Read] = {
    KEY: lambda entity: entity.key,
    ID: lambda entity: None if entity.key is None else entity.key.id_or_name,
    VERSION: lambda entity: entity.version,
    ENTITY: lambda entity: entity,
}


def row_maker(shape: Shape) -> Callable[[Entity], Row]:
    """Return what makes rows of a shape from entities."""
    reads = [_PSEUDO.get(column.name) or _reader(column) for column in shape.columns]
    return lambda entity: tuple([read(entity) for read in reads])


def indexed_property(name: str) -> Read:
    """Return what reads an indexed property, or KEY, from an entity: MISSING where no index covers it."""
    if name == KEY:
        return _PSEUDO[KEY]
    return lambda entity: MISSING if name in entity.unindexed else entity.properties.get(name, MISSING)


def first_of_each(rows: Iterable[Row], identity: Callable[[Row], Any]) -> Iterator[Row]:
    """Yield the rows without those whose identity an earlier one had."""
    seen: set[Any] = set()
    for row in rows:
        key = identity(row)
        if key not in seen:
            seen.add(key)
            yield row


def _reader(column: Column) -> Read:
    def read(entity: Entity) -> Any:
        if column.name not in entity.properties:
            return column.default()
        value = entity.properties[column.name]
        if value is None:
            return None if column.nullable else column.default()
        if column.type in (Type.ANY, TYPES[type(value)]):
            return value
        raise UnexpectedType(entity.key, column, TYPES[type(value)].value)

    return read
