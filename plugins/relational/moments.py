"""Comparisons of a date with a moment: in SQLite both are text, of which a date's is the shorter, so less than its own midnight's."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import DateField, DateTimeField, ExpressionList, Func, Lookup, Value
from django.db.models.expressions import Col
from django.db.models.sql.query import Query
from django.db.utils import NotSupportedError

MOMENT = "KINDSTORE_MOMENT"  # a function
LOOKUPS = frozenset(("exact", "gt", "gte", "lt", "lte", "in", "range"))
_DATE_LENGTH = len("2000-01-01")


class _AsMoment(Func):
    """The midnight in UTC that a date begins with; a moment as it is."""

    function = MOMENT
    output_field = DateTimeField()


def moment(text: Any) -> Any:
    """Return the text of a moment for the text of a date or of a moment."""
    return f"{text} 00:00:00" if isinstance(text, str) and len(text) == _DATE_LENGTH else text


def comparable(node: Any) -> Any:
    """Return a lookup of moments in the place of one that compares a date with a moment, anything else as it is."""
    if not isinstance(node, Lookup) or node.lookup_name not in LOOKUPS:
        return node
    members = _members(node.rhs)
    if {DateField, DateTimeField} - {_kind(each) for each in (node.lhs, *members)}:
        return node
    made = copy.copy(node)
    if isinstance(node.rhs, Query):
        _check_selected(node.rhs)
    else:
        moments = [_as_moment(each) for each in members]
        made.rhs = moments if isinstance(node.rhs, (ExpressionList, list, tuple)) else moments[0]
    made.lhs = _as_moment(node.lhs)
    return made


def _members(rhs: Any) -> list[Any]:
    if isinstance(rhs, ExpressionList):
        return list(rhs.get_source_expressions())
    return list(rhs) if isinstance(rhs, (list, tuple)) else [rhs]


def _kind(value: Any) -> type | None:
    """Tell a date from a moment, by the type of an expression or of what an inner query selects."""
    field = _output_field(_selected(value) if isinstance(value, Query) else value)
    return next((kind for kind in (DateTimeField, DateField) if isinstance(field, kind)), None)


def _output_field(expression: Any) -> Any:
    try:
        return getattr(expression, "_output_field_or_none", None)
    except FieldError:
        return None


def _selected(query: Query) -> Any:
    selected = (*query.select, *query.annotation_select.values())
    return selected[0] if len(selected) == 1 else None


def _as_moment(value: Any) -> Any:
    """Return an expression as a moment. Plain values stay: a date among them is of the field's type, so it takes one more step."""
    if hasattr(value, "as_sql"):
        return _AsMoment(value)
    is_date = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    return _AsMoment(Value(value, DateField())) if is_date else value


def _check_selected(query: Query) -> None:
    """Raise NotSupportedError unless an inner query selects moments as they are stored."""
    if _kind(query) is not DateTimeField or not isinstance(_selected(query), Col):
        raise NotSupportedError(
            "A query that the store cannot run by itself compares a date with a moment, one of which an inner query on "
            f"{query.model._meta.label} computes or selects as a date. Let both sides be dates, by TruncDate() or `__date`."
        )
