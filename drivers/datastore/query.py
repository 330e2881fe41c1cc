"""Queries on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.datamodel import KEY, Aggregation, And, Filter, HasAncestor, Op, Or, Query, Shape, Test
from ...core.datamodel.errors import InvalidRequest
from .encode import encode_value
from .keys import Home, check_kind, encode_key

_OPERATORS = {Op.LT: 1, Op.LE: 2, Op.GT: 3, Op.GE: 4, Op.EQ: 5, Op.IN: 6, Op.NE: 9, Op.NOT_IN: 13}
_HAS_ANCESTOR = 11
_AND, _OR = 1, 2
_DESCENDING = 2
MAX_OFFSET = 2**31 - 1


def encode_query(message: Any, query: Query, home: Home, shape: Shape | None = None) -> None:
    """Fill a Query message, but for its limit, offset and start cursor, which differ from page to page."""
    if query.kind is not None:
        check_kind(query.kind)
        message.kind.add().name = query.kind
    if query.filter is not None:
        _encode_filter(message.filter, query.filter, home)
    for order in query.orders:
        entry = message.order.add()
        entry.property.name = order.name
        entry.direction = _DESCENDING if order.descending else 1
    for name in query.projection or ((KEY,) if shape is not None and shape.keys_only else ()):
        message.projection.add().property.name = name
    for name in query.distinct_on:
        message.distinct_on.add().name = name
    if query.end_cursor:
        message.end_cursor = query.end_cursor


def encode_aggregation(message: Any, query: Query, aggregations: Sequence[Aggregation], home: Home) -> None:
    """Fill an AggregationQuery message. The results are named after the aggregations' positions."""
    nested = message.nested_query
    encode_query(nested, query, home)
    if query.limit is not None:
        nested.limit.value = min(query.limit, MAX_OFFSET)
    nested.offset = query.offset
    if query.start_cursor:
        nested.start_cursor = query.start_cursor
    for i, aggregation in enumerate(aggregations):
        entry = message.aggregations.add()
        entry.alias = f"a{i}"
        operator = getattr(entry, aggregation.function)
        operator.SetInParent()
        if aggregation.up_to is not None:
            operator.up_to.value = aggregation.up_to
        if aggregation.name is not None and aggregation.function != "count":
            operator.property.name = aggregation.name


def _encode_filter(message: Any, condition: Filter, home: Home) -> None:
    if isinstance(condition, (And, Or)):
        _encode_composite(message, condition, home)
        return
    entry = message.property_filter
    if isinstance(condition, HasAncestor):
        entry.property.name = KEY
        entry.op = _HAS_ANCESTOR
        encode_key(entry.value.key_value, condition.key, home)
        return
    entry.property.name = condition.name
    entry.op = _OPERATORS[condition.op]
    _encode_operand(entry.value, condition, home)


def _encode_composite(message: Any, condition: And | Or, home: Home) -> None:
    if not condition.parts:
        raise InvalidRequest(f"A query has an empty {type(condition).__name__} in its filter; it needs at least one part.")
    if len(condition.parts) == 1:  # the legacy store refuses even an OR of one part
        _encode_filter(message, condition.parts[0], home)
        return
    composite = message.composite_filter
    composite.op = _AND if isinstance(condition, And) else _OR
    for part in condition.parts:
        _encode_filter(composite.filters.add(), part, home)


def _encode_operand(message: Any, test: Test, home: Home) -> None:
    if test.op not in (Op.IN, Op.NOT_IN):
        encode_value(message, test.value, test.name, home)
        return
    if not isinstance(test.value, tuple) or not test.value:
        raise InvalidRequest(f"{test.name!r} {test.op.value} takes a tuple of at least one value, not {test.value!r}.")
    message.array_value.SetInParent()
    for value in test.value:
        encode_value(message.array_value.values.add(), value, test.name, home)
