"""What Django makes of values that come without a mapping: stored ones, of an aggregate, or those of raw SQL, as SQLite has them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_date, parse_datetime, parse_time

from ..mapping import decimals

Convert = Callable[[Any], Any]


def converter(column_type: str, field: Any, zone: dt.tzinfo) -> Convert | None:
    """Return what makes a field's value of one that is not null, for a connection in a time zone; None: nothing has to."""
    match column_type:
        case "datetime":
            return lambda value: _moment(value, zone)
        case "decimal":
            digits = getattr(field, "max_digits", None), getattr(field, "decimal_places", None)
            return lambda value: _decimal(value, *digits)
        case _:
            return _CONVERSIONS.get(column_type)


def _moment(value: Any, zone: dt.tzinfo) -> Any:
    value = parse_datetime(value) if isinstance(value, str) else value
    if not isinstance(value, dt.datetime):
        return value
    if not settings.USE_TZ:
        return value.replace(tzinfo=None)
    return (value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value).astimezone(zone)


def _decimal(value: Any, max_digits: int | None, decimal_places: int | None) -> Decimal:
    number = value if isinstance(value, Decimal) else _number(value)
    rounded = decimals.quantize(number, max_digits, decimal_places)
    return number if rounded is None else rounded


def _number(value: Any) -> Decimal:
    is_stored = isinstance(value, str) and (value.endswith("~") or "e" in value)  # no number of SQL's is written so
    return decimals.decode(value) if is_stored else Decimal(str(value))


def _date(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.date()
    return parse_date(value) if isinstance(value, str) else value


def _time(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.time()
    return parse_time(value) if isinstance(value, str) else value


_CONVERSIONS: dict[str, Convert] = {
    "boolean": lambda value: bool(value) if value in (0, 1) else value,
    "date": _date,
    "time": _time,
    "uuid": lambda value: uuid.UUID(value) if isinstance(value, str) else value,
}
