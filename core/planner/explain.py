"""Plans and RPCs as text, for explain() and the "rpcs" of connection.queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ..datamodel import KEY, Aggregation, And, Entity, Filter, HasAncestor, Key, Mutation, Op, Or, Order, Query, Test, Value
from ..driver import RPC
from .plan import Plan

LONGEST_VALUE, MOST_ITEMS = 80, 5


def describe_rpc(rpc: RPC) -> str:
    """Return one line that says what an RPC asked for, and what came of it."""
    text = f"{rpc.method} {_describe_request(rpc.request)}".rstrip()
    if rpc.error is not None:
        return f"{text} -> {type(rpc.error).__name__}"
    return f"{text} -> {rpc.rows} rows" if rpc.rows else text


def _describe_request(request: object) -> str:
    match request:
        case Query():
            return describe_query(request)
        case (Query() as query, (Aggregation(), *_) as aggregations):
            return f"{', '.join(_describe_item(aggregation) for aggregation in aggregations)} OF {describe_query(query)}"
    if isinstance(request, (list, tuple)):
        shown = ", ".join(_describe_item(item) for item in request[:MOST_ITEMS])
        return f"{shown}, ... ({len(request)})" if len(request) > MOST_ITEMS else shown
    return _describe_item(request)


def _describe_item(item: object) -> str:
    if isinstance(item, Mutation):
        return _describe_mutation(item)
    if isinstance(item, Aggregation):
        return f"{item.function.upper()}({item.name or '*'})"
    return str(item) if isinstance(item, Key) else "" if item is None else repr(item)


def _describe_mutation(mutation: Mutation) -> str:
    names = [] if mutation.entity is None else list(mutation.entity.properties)
    changes = [f"{t.name} {t.kind} {describe_value(t.value)}" for t in mutation.transforms]
    guard = "" if mutation.base_version is None else f" at version {mutation.base_version}"
    return f"{mutation.verb.name} {mutation.key}{_parenthesised(names + changes)}{guard}"


def _parenthesised(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def describe_query(query: Query) -> str:
    """Return a query in the words of GQL."""
    parts = [f"SELECT {', '.join(query.projection) or '*'} FROM {query.kind or 'every kind'}"]
    if query.namespace:
        parts[0] += f" IN {query.namespace}"
    if query.filter is not None:
        parts.append(f"WHERE {describe_filter(query.filter)}")
    if query.orders:
        parts.append(f"ORDER BY {', '.join(map(describe_order, query.orders))}")
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    if query.offset:
        parts.append(f"OFFSET {query.offset}")
    if query.start_cursor:
        parts.append("FROM A CURSOR")
    return " ".join(parts)


def describe_order(order: Order) -> str:
    return f"{order.name} DESC" if order.descending else order.name


def describe_filter(filter_: Filter) -> str:
    """Return a filter as a condition; AND binds closer than OR."""
    match filter_:
        case Test(name, (Op.IN | Op.NOT_IN) as op, tuple() as values):
            return f"{name} {op.value} ({_listed(values)})"
        case Test(name, op, value):
            return f"{name} {op.value} {describe_value(value)}"
        case HasAncestor(key):
            return f"{KEY} HAS ANCESTOR {key}"
        case And(parts):
            return " AND ".join(f"({describe_filter(part)})" if isinstance(part, Or) else describe_filter(part) for part in parts)
        case Or(parts):
            return " OR ".join(describe_filter(part) for part in parts)


def _listed(values: Sequence[Value]) -> str:
    shown = ", ".join(map(describe_value, values[:MOST_ITEMS]))
    return f"{shown}, ... {len(values)} values" if len(values) > MOST_ITEMS else shown


def describe_value(value: Value) -> str:
    """Return a value as a short literal."""
    match value:
        case None:
            return "NULL"
        case bytes():
            return "<binary>"
        case datetime():
            return f"'{value.isoformat()}'"
        case Key():
            return f"KEY({value})"
        case Entity():
            return "<entity>"
        case str():
            return repr(value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}...")
        case _:
            return repr(value)


def describe_plan(plan: Plan) -> Iterator[str]:
    """Yield the lines of a native plan."""
    if plan.is_empty:
        yield "Nothing: no row can match, no RPC"
        return
    yield from _describe_access(plan)
    if plan.recheck is not None:
        yield f"  Checked on the rows that arrive: {describe_filter(plan.recheck)}"
    if plan.orders and not plan.ordered and len(plan.keys or ()) != 1:
        yield f"  Sorted after arrival: {', '.join(map(describe_order, plan.orders))}"
    if plan.distinct_on:
        yield f"  Distinct on {', '.join(plan.distinct_on)}"
    if plan.limit is not None or plan.offset:
        yield f"  Slice: {plan.offset} to {'the end' if plan.limit is None else plan.offset + plan.limit}"


def _describe_access(plan: Plan) -> Iterator[str]:
    if plan.keys is not None:
        yield f"Lookup {_describe_request(plan.keys)}: 1 RPC"
        return
    many = len(plan.branches)
    if many > 1:
        yield f"Merge of {many} queries, {many} RPCs"
    for branch in plan.branches:
        query = Query(plan.mapping.kind, plan.namespace, branch, plan.orders if plan.ordered else ())
        yield f"{'  ' if many > 1 else ''}Query {describe_query(query)}{'' if many > 1 else ': 1 RPC'}"
