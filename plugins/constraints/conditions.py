"""The conditions and expressions of constraints: which columns they read, and whether they can be told without SQL."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import Case, IntegerField, Value, When
from django.db.models.expressions import Col, OrderBy
from django.db.models.sql.query import Query

from ...core.datamodel import KEY, Entity, Key
from ...core.datamodel.matching import compile_filter
from ...core.mapping import ColumnMapping, ModelMapping
from ...core.planner.analysis import Analysis
from ...core.planner.logic import exact_filter, is_oversized
from ...core.planner.predicate import Compare, Every, In, Not, NotNativeError, Predicate, Some

Holds = Callable[[Entity], bool]


def native_condition(mapping: ModelMapping, condition: Any, connection: Any, *, fails: bool = False) -> tuple[Holds | None, str]:
    """Return what tells whether a condition holds for a row, or whether it `fails`, or None and why only SQL can.

    Where null makes the condition unknown it neither holds nor fails.
    """
    readable = _all_indexed(mapping)
    try:
        where = Query(mapping.model).build_where(condition)
        predicate = Analysis(readable, None, connection, "").where(where)
        _refuse_oversized(predicate)
        truth = exact_filter(Not(predicate) if fails else predicate)
    except NotNativeError as error:
        return None, str(error)
    except EmptyResultSet:
        truth = fails
    except FullResultSet:
        truth = not fails
    if isinstance(truth, bool):
        return (lambda _: truth), ""
    return compile_filter(truth, _getter(mapping)), ""


def _all_indexed(mapping: ModelMapping) -> ModelMapping:
    """Return a mapping whose columns can all be compared: nobody needs an index to look at one row."""
    readable = copy.copy(mapping)
    readable.by_field = {field: replace(column, indexed=True) for field, column in mapping.by_field.items()}
    return readable


def _refuse_oversized(predicate: Predicate) -> None:
    """Refuse values that no indexed property has, which filters take for absent."""
    match predicate:
        case Compare(_, _, value) if is_oversized(value):
            raise NotNativeError("it compares with a value that is longer than an index entry")
        case In(_, values) if any(map(is_oversized, values)):
            raise NotNativeError("it compares with a value that is longer than an index entry")
        case Every(parts) | Some(parts):
            for part in parts:
                _refuse_oversized(part)
        case Not(part):
            _refuse_oversized(part)


def _getter(mapping: ModelMapping) -> Callable[[str], Callable[[Entity], Any]]:
    """Return what reads properties from rows, unindexed ones too, and the key as if there were but one namespace."""

    def getter(name: str) -> Callable[[Entity], Any]:
        if name == KEY:
            return lambda entity: Key(entity.key.path) if entity.key is not None else None
        default = mapping.by_name[name].column.default
        return lambda entity: entity.properties[name] if name in entity.properties else default()

    return getter


def referenced_columns(mapping: ModelMapping, constraint: Any) -> tuple[list[ColumnMapping], list[ColumnMapping]]:
    """Return the columns that a constraint compares, and all that it depends on, in the order of the model."""
    query = Query(mapping.model)
    compared = {mapping.model._meta.get_field(name) for name in constraint.fields}
    for expression in constraint.expressions:
        compared |= read_fields(expression.resolve_expression(query, allow_joins=False))
    read = compared if constraint.condition is None else compared | read_fields(query.build_where(constraint.condition))
    return [column for column in mapping.columns if column.field in compared], [
        column for column in mapping.columns if column.field in read
    ]


def read_fields(resolved: Any) -> set[Any]:
    """Return the fields that a resolved expression or condition reads."""
    return {node.target for node in walk(resolved) if isinstance(node, Col)}


def walk(node: Any) -> Iterator[Any]:
    """Yield an expression or condition and all that it is made of."""
    yield node
    for inner in node.get_source_expressions():
        if hasattr(inner, "get_source_expressions"):
            yield from walk(inner)


def plain_columns(mapping: ModelMapping, expressions: Sequence[Any]) -> list[ColumnMapping] | None:
    """Return the columns that expressions simply name; None where one is computed."""
    query = Query(mapping.model)
    found = []
    for expression in expressions:
        resolved = _unordered(expression).resolve_expression(query, allow_joins=False)
        column = mapping.by_field.get(resolved.target) if type(resolved) is Col else None
        if column is None:
            return None
        found.append(column)
    return found


def _unordered(expression: Any) -> Any:
    return expression.expression if isinstance(expression, OrderBy) else expression


def computed_condition(model: Any, condition: Any) -> Any:
    """Return an expression that is 1 where a condition holds, and 0 elsewhere."""
    if condition is None:
        return Value(1)
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField()).resolve_expression(
        Query(model), allow_joins=False
    )


def computed_expressions(model: Any, expressions: Sequence[Any]) -> list[Any]:
    """Return the expressions of a constraint, resolved against its model."""
    query = Query(model)
    return [_unordered(expression).resolve_expression(query, allow_joins=False) for expression in expressions]
