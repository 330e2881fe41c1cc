"""Counts and aggregates the rows of a plan: in the store where it can, else by keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..datamodel import KEY, Aggregation, Query, Value
from ..planner.plan import Plan
from ..session.session import Session
from .reading import read

COUNT = Aggregation("count")


def count(plan: Plan, session: Session) -> int:
    """Return the number of rows of a plan."""
    if plan.is_empty:
        return 0
    if runs_in_the_store(plan, session, "count"):
        return int(aggregate(plan, session, (COUNT,))[0])  # type: ignore[arg-type]
    columns = plan.distinct_on or (KEY,)
    orders = () if plan.ordered else plan.orders
    return sum(map(len, read(replace(plan, columns=columns, orders=orders if plan.distinct_on else ()), session)))


def runs_in_the_store(plan: Plan, session: Session, function: str) -> bool:
    """Tell whether the store computes an aggregate of exactly the plan's rows."""
    one_query = plan.keys is None and len(plan.branches) == 1 and plan.recheck is None and not plan.distinct_on
    return one_query and function in session.capabilities.aggregations and (plan.ordered or plan.limit is None)


def aggregate(plan: Plan, session: Session, aggregations: Sequence[Aggregation]) -> tuple[Value, ...]:
    """Return the aggregates of a plan's rows, from one RPC."""
    orders = plan.orders if plan.limit is not None or plan.offset else ()
    query = Query(plan.mapping.kind, plan.namespace, plan.branches[0], orders, limit=plan.limit, offset=plan.offset)
    return session.aggregate(query, aggregations)
