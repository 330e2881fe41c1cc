"""The results of a projecting query: one for each combination of the elements of projected arrays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from ...core.datamodel import Test
from ...core.datamodel.matching import Conjunction, compile_tests
from ...core.datamodel.ordering import MISSING, compile_path, is_sortable, sort_key
from .record import HEAD, Record, Signature, reader


def explode(record: Record, projection: tuple[str, ...], branch: Conjunction) -> Iterator[Record]:
    """Yield a record for each combination of projected values; none when a projected property is missing."""
    choices = [_choices(record, name, branch) for name in projection]
    names = record.signature.names
    for values in product(*choices):
        properties = dict(zip(names, record.values[HEAD:], strict=True)) | dict(zip(projection, values, strict=True))
        types = tuple(map(type, properties.values()))
        signature = Signature(tuple(properties), types, record.signature.unindexed)
        yield Record(record.position, record.version, (*record.values[:HEAD], *properties.values()), signature)


def identity(record: Record, projection: tuple[str, ...]) -> Any:
    """Return what tells a projected result from the others."""
    positions = record.signature.positions
    return (record.position, *(sort_key(record.values[positions[name]]) for name in projection))


def _choices(record: Record, name: str, branch: Conjunction) -> list[Any]:
    value = compile_path(name, reader)(record)
    if value is MISSING:
        return []
    tests = [leaf for leaf in branch if isinstance(leaf, Test) and leaf.name == name]
    holds = compile_tests(tests) if tests else None
    elements = value if type(value) is tuple else (value,)
    kept = {sort_key(element): element for element in elements if is_sortable(element) and (holds is None or holds(element))}
    return list(kept.values())
