"""Aggregations that a store computes over a query's results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregate: `function` is "count", "sum" or "avg"; `name` is the property that sum and avg read; `up_to` bounds a count."""

    function: str
    name: str | None = None
    up_to: int | None = None
