"""Aggregates over whole tables, as the store computes them, with SQL's answers for no rows and for nulls."""

from __future__ import annotations

from typing import Any

from django.db.utils import DataError

from ...datamodel import KEY, Aggregation, Op, Order, Test, Type
from ...executor import aggregate, count, read_one
from ...executor.counting import runs_in_the_store
from ...mapping import ColumnMapping
from ...planner.logic import Truth, conjunction
from ...planner.predicate import NotNativeError
from ...planner.selection import Calculation, Selection
from .planning import Planning


def calculate(planning: Planning, selection: Selection, truth: Truth) -> tuple[Any, ...]:
    """Return the aggregates of a selection, each from a request of its own: the store counts only the rows that have every property."""
    if truth is not False:
        _refuse_missing(selection, planning.session.capabilities.aggregations)
    return tuple([_calculate(planning, calculation, truth) for calculation in selection.calculations])


def _refuse_missing(selection: Selection, known: frozenset[str]) -> None:
    """Refuse, before any RPC, a sum or an average that the store does not compute."""
    for calculation in selection.calculations:
        if calculation.function in ("sum", "avg") and calculation.function not in known:
            raise NotNativeError(f"the store does not compute {calculation.function}")


def _calculate(planning: Planning, calculation: Calculation, truth: Truth) -> Any:
    column = calculation.column
    if column is None or (calculation.function == "count" and column.is_key):
        return count(planning.plan(truth, ()), planning.session)
    present = truth if column.is_key else conjunction((truth, Test(column.name, Op.GT, None)))
    if calculation.function == "count":
        return count(planning.plan(present, ()), planning.session)
    if calculation.function in ("min", "max"):
        return _extreme(planning, column, present, greatest=calculation.function == "max")
    return _total(planning, calculation.function, column, present)


def _extreme(planning: Planning, column: ColumnMapping, present: Truth, *, greatest: bool) -> Any:
    order = Order(KEY if column.is_key else column.name, descending=greatest)
    row = read_one(planning.plan(present, (column.name,), (order,), limit=1), planning.session)
    return None if row is None else row[0]


def _total(planning: Planning, function: str, column: ColumnMapping, present: Truth) -> Any:
    """Return a sum or an average; None, as in SQL, where no row has a value."""
    plan = planning.plan(present, ())
    if plan.is_empty:
        return None
    if not runs_in_the_store(plan, planning.session, function):
        raise NotNativeError(f"the store does not compute {function} of these rows")
    total, present_rows = aggregate(plan, planning.session, (Aggregation(function, column.name), Aggregation("count")))
    if not present_rows:
        return None
    if function == "sum" and column.type is Type.INT and isinstance(total, float):
        raise DataError(f"The sum of {planning.mapping.label}.{column.field.name} is beyond the 64 bits of an integer. Sum fewer rows.")
    return total
