"""Dates cut to a year, month, ... : computed on the values that arrive, for dates() and datetimes().

Cutting keeps the order, so a query ordered by the cut value is ordered by the column.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import DateField, DateTimeField
from django.db.models.functions.datetime import TruncBase
from django.utils import timezone

Cut = Callable[[dt.datetime], dt.datetime]
_MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
_CUTS: dict[str, Cut] = {
    "year": lambda at: at.replace(month=1, day=1, **_MIDNIGHT),  # type: ignore[arg-type]
    "quarter": lambda at: at.replace(month=(at.month - 1) // 3 * 3 + 1, day=1, **_MIDNIGHT),  # type: ignore[arg-type]
    "month": lambda at: at.replace(day=1, **_MIDNIGHT),  # type: ignore[arg-type]
    "week": lambda at: at.replace(**_MIDNIGHT) - dt.timedelta(days=at.weekday()),  # type: ignore[arg-type]
    "day": lambda at: at.replace(**_MIDNIGHT),  # type: ignore[arg-type]
    "hour": lambda at: at.replace(minute=0, second=0, microsecond=0),
    "minute": lambda at: at.replace(second=0, microsecond=0),
    "second": lambda at: at.replace(microsecond=0),
}


_WITHIN_AN_HOUR = ("minute", "second")


def truncation(expression: Any) -> Callable[[Any], Any] | None:
    """Return the function from a column's stored timestamp to what a truncating expression gives, None for any other expression."""
    if not isinstance(expression, TruncBase) or expression.kind not in _CUTS:
        return None
    source, target = expression.get_source_expressions()[0].output_field, expression.output_field
    if not isinstance(source, DateField) or not isinstance(target, DateField):
        return None
    if expression.tzinfo is not None and not isinstance(source, DateTimeField):
        return None
    cut = _CUTS[expression.kind]
    if not isinstance(target, DateTimeField):
        zone = _zone(expression) if isinstance(source, DateTimeField) else dt.UTC
        return _keep_null(lambda at: cut(at.astimezone(zone).replace(tzinfo=None)).date())
    zone = _zone(expression)
    if expression.kind in _WITHIN_AN_HOUR and zone is not dt.UTC:  # an hour that comes twice, in autumn, is not in order
        return None
    if not settings.USE_TZ:
        return _keep_null(lambda at: cut(at.replace(tzinfo=None)))
    return _keep_null(lambda at: timezone.make_aware(cut(at.astimezone(zone).replace(tzinfo=None, fold=0)), zone))


def _zone(expression: Any) -> dt.tzinfo:
    if not settings.USE_TZ:
        return dt.UTC
    zone: dt.tzinfo = expression.tzinfo or timezone.get_current_timezone()
    return zone


def _keep_null(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)
