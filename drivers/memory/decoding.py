"""Decodes records into rows: compiled once for each shape and signature."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from ...core.datamodel import ENTITY, ID, KEY, VERSION, Column, Row, Shape, Type, UnexpectedType
from ...core.datamodel.rows import TYPES
from .record import Record, Signature

_PSEUDO = frozenset((KEY, ID, VERSION))
Decode = Callable[[tuple[Any, ...]], Row]


class Decoder(dict[Signature, Decode]):
    """The decoders of one shape, by signature."""

    capacity = 10_000

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        self.rows: Callable[[list[Record]], list[Row]] = self._whole_rows if shape.whole else self._rows

    def row(self, record: Record) -> Row:
        """Decode one record."""
        return self._whole(record) if self._shape.whole else self[record.signature](record.values)

    def __missing__(self, signature: Signature) -> Decode:
        if len(self) >= self.capacity:
            self.clear()
        decode = self[signature] = _compile(self._shape.columns, signature)
        return decode

    def _rows(self, records: list[Record]) -> list[Row]:
        return [self[record.signature](record.values) for record in records]

    def _whole_rows(self, records: list[Record]) -> list[Row]:
        return [self._whole(record) for record in records]

    def _whole(self, record: Record) -> Row:
        row = self[record.signature](record.values)
        entity = record.entity()
        return tuple([entity if column.name == ENTITY else value for column, value in zip(self._shape.columns, row, strict=True)])


def _compile(columns: tuple[Column, ...], signature: Signature) -> Decode:
    parts = [_compile_column(column, signature) for column in columns]
    indexes = [part for part in parts if isinstance(part, int)]
    if len(indexes) == len(parts) > 1:
        return itemgetter(*indexes)
    if len(indexes) == len(parts) == 1:
        only = indexes[0]
        return lambda values: (values[only],)
    return lambda values: tuple([values[part] if type(part) is int else part(values) for part in parts])  # type: ignore[operator]


def _compile_column(column: Column, signature: Signature) -> int | Callable[[tuple[Any, ...]], Any]:
    """Return where a column's value is, or what computes it."""
    if column.name == ENTITY:
        return lambda values: None
    index = signature.positions.get(column.name)
    if index is None:
        return lambda values: column.default()
    if column.name in _PSEUDO:
        return index
    kind = signature.types[index - 3]
    if kind is type(None):
        return index if column.nullable else lambda values: column.default()
    found = TYPES[kind]
    if column.type in (Type.ANY, found):
        return index
    return _refuse(column, found)


def _refuse(column: Column, found: Type) -> Callable[[tuple[Any, ...]], Any]:
    def refuse(values: tuple[Any, ...]) -> Any:
        raise UnexpectedType(values[0], column, found.value)

    return refuse
