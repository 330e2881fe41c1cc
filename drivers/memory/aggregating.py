"""Refuses aggregations that the store would refuse."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.datamodel import KEY, Aggregation
from ...core.datamodel.errors import InvalidRequest
from ...core.driver import Capabilities

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
