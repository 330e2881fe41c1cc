"""The SQL functions and the collation that the scratch database needs beyond Django's, and where SQLite's own know ASCII only."""

from __future__ import annotations

import re
import sqlite3
import statistics
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3._functions import register as register_django_functions

from .decimals import EXACT, text_of
from .jsonpaths import PREFIX, json_extract, json_type
from .moments import MOMENT, moment
from .rounding import ROUND, rounded

DECIMAL, DECIMAL_SUM = "DECIMAL", "DECIMAL_SUM"  # a collation, and an aggregate
# Django's functions in Python that take numbers; a decimal reaches them as text.
_NUMERIC = frozenset(
    (
        *("ACOS", "ASIN", "ATAN", "ATAN2", "BITXOR", "CEILING", "COS", "COT", "DEGREES", "EXP", "FLOOR"),
        *("LN", "LOG", "MOD", "POWER", "RADIANS", "SIGN", "SIN", "SQRT", "TAN"),
    )
)


def register(connection: sqlite3.Connection) -> None:
    """Register every function on a new connection."""
    register_django_functions(_Registrar(connection))
    connection.create_function("LIKE", 3, like, deterministic=True)
    connection.create_function("UPPER", 1, upper, deterministic=True)
    connection.create_function("LOWER", 1, lower, deterministic=True)
    connection.create_function(MOMENT, 1, moment, deterministic=True)
    connection.create_function(ROUND, 2, rounded, deterministic=True)
    connection.create_function(f"{PREFIX}JSON_TYPE", 2, json_type, deterministic=True)
    connection.create_function(f"{PREFIX}JSON_EXTRACT", 2, json_extract, deterministic=True)
    for name, (compute, least) in _STATISTICS.items():
        connection.create_aggregate(name, 1, _statistic(compute, least))
    connection.create_aggregate(DECIMAL_SUM, 1, DecimalSum)  # type: ignore[arg-type]  # it may return text
    connection.create_collation(DECIMAL, compare_decimals)


class _Registrar:
    """Passes registrations on; functions of numbers learn to read decimals."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def create_function(self, name: str, arguments: int, function: Callable[..., Any], *, deterministic: bool = False) -> None:
        if name in _NUMERIC:
            function = _of_numbers(function)
        self._connection.create_function(name, arguments, function, deterministic=deterministic)


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*map(number, values))


def number(value: Any) -> Any:
    """Return the number that a text says, anything else as it is."""
    if not isinstance(value, str):
        return value
    return float(value) if "." in value or "e" in value.lower() else int(value)


def like(pattern: Any, value: Any, escape: str) -> bool | None:
    """Match `value LIKE pattern ESCAPE escape`, as the SQL standard has it: upper and lower case differ."""
    if pattern is None or value is None:
        return None
    return _compiled(str(pattern), escape).fullmatch(_text(value)) is not None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=500)
def _compiled(pattern: str, escape: str) -> re.Pattern[str]:
    parts, characters = [], iter(pattern)
    for character in characters:
        if character == escape:
            parts.append(re.escape(next(characters, escape)))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)


def upper(value: Any) -> str | None:
    """Return a text in upper case, by Unicode."""
    return None if value is None else _text(value).upper()


def lower(value: Any) -> str | None:
    """Return a text in lower case, by Unicode."""
    return None if value is None else _text(value).lower()


def compare_decimals(left: str, right: str) -> int:
    """Compare two texts as exact numbers; what is no number sorts last, as text."""
    a, b = _decimal(left), _decimal(right)
    if a is None or b is None:
        return (a is None) - (b is None) or (left > right) - (left < right)
    return (a > b) - (a < b)


@lru_cache(maxsize=10_000)
def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


class DecimalSum:
    """An exact sum, as text; null of no values."""

    def __init__(self) -> None:
        self.total: Decimal | None = None

    def step(self, value: Any) -> None:
        if value is not None:
            self.total = EXACT.add(self.total or Decimal(0), Decimal(str(value)))

    def finalize(self) -> str | None:
        return None if self.total is None else text_of(self.total)


_STATISTICS: dict[str, tuple[Callable[[Sequence[Any]], float], int]] = {
    "STDDEV_POP": (statistics.pstdev, 1),
    "STDDEV_SAMP": (statistics.stdev, 2),
    "VAR_POP": (statistics.pvariance, 1),
    "VAR_SAMP": (statistics.variance, 2),
}


def _statistic(compute: Callable[[Sequence[Any]], float], least: int) -> type:
    class Statistic:
        """An aggregate that leaves nulls out, and is null where it has too few values."""

        def __init__(self) -> None:
            self.values: list[float] = []

        def step(self, value: Any) -> None:
            if value is not None:
                self.values.append(number(value))

        def finalize(self) -> float | None:
            return float(compute(self.values)) if len(self.values) >= least else None

    return Statistic
