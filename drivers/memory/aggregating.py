"""Counts, sums and averages over the results of a query."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.datamodel import KEY, Aggregation, Value
from ...core.datamodel.entity import INT_MAX, INT_MIN
from ...core.datamodel.errors import InvalidRequest
from ...core.datamodel.ordering import MISSING, compile_path, is_sortable
from ...core.driver import Capabilities
from .record import Record, reader

MAX_AGGREGATIONS = 5


def check_aggregations(aggregations: Sequence[Aggregation], limits: Capabilities) -> None:
    """Raise InvalidRequest where the store would refuse to aggregate."""
    if not 0 < len(aggregations) <= MAX_AGGREGATIONS:
        raise InvalidRequest(f"The request has {len(aggregations)} aggregations; the store takes 1 to {MAX_AGGREGATIONS}.")
    for aggregation in aggregations:
        if aggregation.function not in limits.aggregations:
            raise InvalidRequest(f"The store cannot aggregate by {aggregation.function!r}; choose one of {sorted(limits.aggregations)}.")
        if aggregation.up_to is not None and aggregation.up_to < 0:
            raise InvalidRequest(f"The count is bounded by {aggregation.up_to}; the bound cannot be negative.")
        if aggregation.function != "count" and aggregation.name in (None, KEY):
            raise InvalidRequest(f"The aggregation {aggregation.function!r} needs a property, not {aggregation.name!r}.")


def properties_of(aggregations: Sequence[Aggregation]) -> tuple[str, ...]:
    """Return the properties that are aggregated; as in the store, entities that lack one of them are not even counted."""
    return tuple(dict.fromkeys(a.name for a in aggregations if a.name is not None and a.function != "count"))


def bounded(count: int, aggregation: Aggregation) -> int:
    """Return a count, no higher than its bound."""
    return count if aggregation.up_to is None else min(count, aggregation.up_to)


def aggregate(aggregations: Sequence[Aggregation], records: Sequence[Record]) -> tuple[Value, ...]:
    """Aggregate results."""
    readers = [compile_path(name, reader) for name in properties_of(aggregations)]
    records = [record for record in records if all(_has_entry(read(record)) for read in readers)]
    return tuple(_one(aggregation, records) for aggregation in aggregations)


def _one(aggregation: Aggregation, records: Sequence[Record]) -> Value:
    if aggregation.function == "count":
        return bounded(len(records), aggregation)
    numbers = _numbers(aggregation.name or "", records)
    if aggregation.function == "avg":
        return float(sum(numbers)) / len(numbers) if numbers else None
    total = sum(numbers)
    return total if isinstance(total, float) or INT_MIN <= total <= INT_MAX else float(total)


def _numbers(name: str, records: Sequence[Record]) -> list[int | float]:
    read = compile_path(name, reader)
    numbers: list[int | float] = []
    for record in records:
        value = read(record)
        numbers.extend(element for element in (value if type(value) is tuple else (value,)) if type(element) in (int, float))
    return numbers


def _has_entry(value: object) -> bool:
    return any(map(is_sortable, value)) if type(value) is tuple else value is not MISSING and is_sortable(value)  # type: ignore[arg-type]
