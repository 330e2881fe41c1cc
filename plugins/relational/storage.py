"""How the scratch database declares columns and stores the values of entities: as Django's sqlite3 backend would have."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db.utils import DataError, NotSupportedError

from ...core.datamodel import Row
from ...core.mapping import ColumnMapping
from ...core.mapping.columns import target_of
from ...core.mapping.decimals import decode
from .decimals import text_of
from .functions import DECIMAL

# The column type -> how SQLite declares it. Decimals are exact, as text that is compared as numbers.
DECLARATIONS = {
    "integer": "integer",
    "bytes": "BLOB",
    "boolean": "bool",
    "string": "varchar",
    "date": "date",
    "datetime": "datetime",
    "decimal": f"text COLLATE {DECIMAL}",
    "duration": "bigint",
    "float": "real",
    "json": "text",
    "text": "text",
    "time": "time",
    "uuid": "char(32)",
}
COLLATIONS = ("binary", "nocase", "rtrim")


def declaration(column: ColumnMapping) -> str:
    """Return the type, and the collation if there is one, of a column. There are no constraints: entities may lack anything."""
    declared = DECLARATIONS.get(column.column_type, "")
    collation = getattr(target_of(column.field), "db_collation", None)
    if not collation:
        return declared
    if collation.lower() not in COLLATIONS:
        raise NotSupportedError(
            f"{column.field} has the collation {collation!r}, which the relational plugin does not know. "
            f"Use one of {', '.join(COLLATIONS)}, or none."
        )
    return f"{declared} COLLATE {collation}"


def _datetime(value: dt.datetime) -> str:
    return str(value.replace(tzinfo=None))


def _date(value: dt.datetime) -> str:
    return str(value.date())


def _time(value: dt.datetime) -> str:
    return str(value.time())


def _decimal(value: str) -> str:
    return text_of(decode(value))


def _float(value: float) -> float:
    if math.isnan(value):
        raise ValueError("is not a number (NaN), for which SQL has no value")
    return value


def _any(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str, bytes)):
        return _float(value) if isinstance(value, float) else value
    if isinstance(value, dt.datetime):
        return _datetime(value)
    raise ValueError(f"is a {type(value).__name__}, for which SQL has no type")


Convert = Callable[[Any], Any]
_CONVERSIONS: dict[str, Convert] = {"datetime": _datetime, "date": _date, "time": _time, "decimal": _decimal, "float": _float}


def conversion(column: ColumnMapping) -> Convert | None:
    """Return what turns a stored value that is not null into SQLite's; None: nothing has to."""
    return _CONVERSIONS.get(column.column_type) if column.column_type in DECLARATIONS else _any


def converted(rows: Iterable[Row], columns: Sequence[ColumnMapping]) -> Iterator[Row]:
    """Yield rows of stored values as SQLite holds them. DataError names the field of a value that it cannot hold."""
    conversions = [(at, convert) for at, convert in enumerate(map(conversion, columns)) if convert is not None]
    if not conversions:
        yield from rows
        return
    for row in rows:
        yield _converted(row, conversions, columns)


def _converted(row: Row, conversions: Sequence[tuple[int, Convert]], columns: Sequence[ColumnMapping]) -> Row:
    values = list(row)
    for at, convert in conversions:
        if values[at] is not None:
            try:
                values[at] = convert(values[at])
            except ValueError as error:
                name = columns[at].field
                raise DataError(
                    f"A query that the store cannot run by itself reads {name}, and one of its values {error}. "
                    "Correct the stored value, or leave the field out by only() or values()."
                ) from None
    return tuple(values)
