"""Counts, sums and averages over the results of a query, as the store computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .aggregation import Aggregation
from .entity import INT_MAX, INT_MIN, Value
from .matching import Getter
from .ordering import MISSING, compile_path, is_sortable

T = TypeVar("T")


def properties_of(aggregations: Sequence[Aggregation]) -> tuple[str, ...]:
    """Return the properties that are aggregated; as in the store, entities that lack one of them are not even counted."""
    return tuple(dict.fromkeys(a.name for a in aggregations if a.name is not None and a.function != "count"))


def bounded(count: int, aggregation: Aggregation) -> int:
    """Return a count, no higher than its bound."""
    return count if aggregation.up_to is None else min(count, aggregation.up_to)


def aggregate(aggregations: Sequence[Aggregation], subjects: Sequence[T], getter: Getter[T]) -> tuple[Value, ...]:
    """Aggregate results; `getter(name)` reads an indexed property from one, MISSING where there is none."""
    reads = [compile_path(name, getter) for name in properties_of(aggregations)]
    kept = [subject for subject in subjects if all(_has_entry(read(subject)) for read in reads)]
    return tuple(_one(aggregation, kept, getter) for aggregation in aggregations)


def _one(aggregation: Aggregation, subjects: Sequence[T], getter: Getter[T]) -> Value:
    if aggregation.function == "count":
        return bounded(len(subjects), aggregation)
    numbers = _numbers(aggregation.name or "", subjects, getter)
    if aggregation.function == "avg":
        return float(sum(numbers)) / len(numbers) if numbers else None
    total = sum(numbers)
    return total if isinstance(total, float) or INT_MIN <= total <= INT_MAX else float(total)


def _numbers(name: str, subjects: Sequence[T], getter: Getter[T]) -> list[int | float]:
    read = compile_path(name, getter)
    numbers: list[int | float] = []
    for subject in subjects:
        value = read(subject)
        numbers.extend(element for element in (value if type(value) is tuple else (value,)) if type(element) in (int, float))
    return numbers


def _has_entry(value: object) -> bool:
    return any(map(is_sortable, value)) if type(value) is tuple else value is not MISSING and is_sortable(value)  # type: ignore[arg-type]
