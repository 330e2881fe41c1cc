"""Between a field's database value and the store's neutral value, by column type: the one place of each conversion."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from ..datamodel import GeoPoint, Key, Value
from ..datamodel.entity import INT_MAX, INT_MIN
from . import decimals

INDEXED_BYTES = 1500
_ALWAYS_SHORT = INDEXED_BYTES // 4  # so many characters never take more bytes
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY = _EPOCH.date()
_MIDNIGHT = dt.time(0, tzinfo=dt.UTC)


class Refusal(ValueError):
    """A value that a column cannot hold; the text says why, as a predicate of the value."""


Store = Callable[[Any], Value]


def store_integer(value: Any) -> int:
    number = int(value)
    if not INT_MIN <= number <= INT_MAX:
        raise Refusal(f"is {number}, which is beyond the 64 bits of an integer ({INT_MIN} to {INT_MAX})")
    return number


def store_float(value: Any) -> float:
    return float(value) + 0.0  # -0.0 + 0.0 is 0.0: the store tells the two zeros apart, SQL does not


def store_boolean(value: Any) -> bool:
    return bool(value)


def store_text(value: Any) -> str:
    text = value if type(value) is str else str.__str__(value) if isinstance(value, str) else str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Refusal(f"has a surrogate at position {error.start}, which is no character and has no UTF-8 form") from None
    return text


def store_indexed_text(value: Any) -> str:
    text = store_text(value)
    if len(text) > _ALWAYS_SHORT and (size := len(text.encode())) > INDEXED_BYTES:
        raise Refusal(f"has {size} bytes in UTF-8, and an indexed string at most {INDEXED_BYTES}")
    return text


def store_bytes(value: Any) -> bytes:
    return bytes(value)


def store_datetime(value: Any) -> dt.datetime:
    if timezone.is_naive(value):
        return _moment(value.replace(tzinfo=dt.UTC))
    if not settings.USE_TZ:
        raise ValueError("The kindstore backend does not support timezone-aware datetimes when USE_TZ is False.")
    try:
        return _moment(value.astimezone(dt.UTC))
    except OverflowError:
        raise Refusal(f"is {value}, which in UTC lies outside the years 1 to 9999") from None


def _moment(value: dt.datetime) -> dt.datetime:
    """Return a datetime in UTC without the subclass that it may be of: the stores know the class alone."""
    exact = type(_EPOCH)  # what freezes the clock puts a subclass in the place of every name of the class, and of none of its objects
    if type(value) is exact:
        return value
    return exact(value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, dt.UTC)


def store_date(value: dt.date) -> dt.datetime:
    return _EPOCH.combine(value, _MIDNIGHT)


def store_time(value: dt.time) -> dt.datetime:
    if value.tzinfo is not None:
        raise ValueError("The kindstore backend does not support timezone-aware times.")
    return _EPOCH.combine(_EPOCH_DAY, value, dt.UTC)


def store_duration(value: Any) -> int:
    return store_integer(value if isinstance(value, int) else value // dt.timedelta(microseconds=1))


def store_uuid(value: Any) -> str:
    return value.hex if isinstance(value, uuid.UUID) else store_indexed_text(value)


def store_any(value: Any) -> Value:
    """Keep a value of a custom field as it is, if the store has its type."""
    if value is None or isinstance(value, (bool, GeoPoint, Key)):
        return value
    if isinstance(value, (float, bytes)):
        return float(value) if isinstance(value, float) else bytes(value)
    if isinstance(value, int):
        return store_integer(value)
    if isinstance(value, str):
        return store_indexed_text(value)
    if isinstance(value, dt.datetime):
        return store_datetime(value)
    if isinstance(value, (list, tuple)):
        return tuple(store_any(item) for item in value)
    raise Refusal(f"is a {type(value).__name__}, for which the store has no type")


def decimal_storer(max_digits: int | None, decimal_places: int | None) -> Store:
    """Return the conversion of a number that is saved: rounded to the column's places."""

    def store(value: Any) -> str:
        number = _finite(value)
        rounded = decimals.quantize(number, max_digits, decimal_places)
        if rounded is None:
            raise Refusal(f"is {number}, which has more than {max_digits} digits with {decimal_places} decimal places")
        return decimals.encode(rounded, max_digits, decimal_places)

    return store


def decimal_comparer(max_digits: int | None, decimal_places: int | None) -> Store:
    """Return the conversion of a number that is compared with: exact."""
    return lambda value: decimals.encode(_finite(value), max_digits, decimal_places)


def _finite(value: Any) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        raise Refusal(f"is {number}, which is not a finite number")
    return number


STORERS: dict[str, Store] = {
    "integer": store_integer,
    "bytes": store_bytes,
    "boolean": store_boolean,
    "string": store_indexed_text,
    "date": store_date,
    "datetime": store_datetime,
    "duration": store_duration,
    "float": store_float,
    "json": store_text,
    "text": store_text,
    "time": store_time,
    "uuid": store_uuid,
}

Load = Callable[[Any], Any]


# From the stored value to what the field's `from_db_value` and the model expect; never called with None. Absent: the same value.
LOADERS: dict[str, Load] = {
    "date": dt.datetime.date,
    "time": dt.datetime.time,
    "decimal": decimals.decode,
    "uuid": uuid.UUID,
    "duration": lambda value: dt.timedelta(0, 0, value),
}


def datetime_loader(zone: dt.tzinfo) -> Load | None:
    """Return the conversion of a stored datetime under the current USE_TZ, for a connection in a time zone; None: none is needed."""
    if not settings.USE_TZ:
        return lambda value: value.replace(tzinfo=None)
    if zone is dt.UTC:
        return None
    return lambda value: value.astimezone(zone)
