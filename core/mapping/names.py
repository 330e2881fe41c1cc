"""How the values of a primary key name entities, by column type. Names sort as the values do, and each value has one of its own.

A store has no id 0 and no empty name. So 0 and the negative integers take the id below their own, and the empty text, like any that
consists of NULs alone, has one NUL more in its name. All other integers and texts are themselves.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..datamodel import Value
from ..datamodel.entity import INT_MIN
from . import decimals
from .conversion import Refusal, store_date, store_datetime, store_time

_NUL = "\0"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BOOLEANS = {"false": False, "true": True}


@dataclass(frozen=True, slots=True)
class Naming:
    """One way to name entities: from a stored value to the id or name, and back.

    `is_itself` tells of an id or name whether it, and so each greater one, is the value itself; without it each has to be turned back.
    """

    name: Callable[[Any], int | str]
    value: Callable[[Any], Value]
    is_itself: Callable[[Any], bool] | None = None


def _integer_name(value: int) -> int:
    if value > 0:
        return value
    if value == INT_MIN:
        raise Refusal(f"is {value}, and a key is at least {INT_MIN + 1}")
    return value - 1


def _integer(ident: int | str) -> Value:
    return ident + 1 if isinstance(ident, int) and ident < 0 else ident


def _text_name(value: str) -> str:
    return value if value.strip(_NUL) else value + _NUL


def _text(ident: int | str) -> Value:
    return ident[1:] if isinstance(ident, str) and not ident.strip(_NUL) else ident


def _float_name(value: float) -> str:
    if not math.isfinite(value):
        raise Refusal(f"is {value}, which is not a finite number")
    return decimals.encode(Decimal(repr(value)), None, None)


def _datetime_name(value: dt.datetime) -> str:
    return f"{value.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


# The clock may be frozen by a subclass in the place of `datetime`; the moment above is of the class that the stores know.
INTEGER = Naming(_integer_name, _integer, lambda ident: ident > 0)
TEXT = Naming(_text_name, _text, lambda ident: ident > _NUL and ident[0] != _NUL)
NAMINGS: dict[str, Naming | None] = {  # None: a text that is never empty, and names itself
    "boolean": Naming(lambda value: str(value).lower(), _BOOLEANS.__getitem__),
    "date": Naming(lambda value: value.date().isoformat(), lambda name: store_date(_EPOCH.fromisoformat(name).date())),
    "datetime": Naming(_datetime_name, lambda name: store_datetime(_EPOCH.fromisoformat(name).replace(tzinfo=None))),
    "decimal": None,
    "duration": INTEGER,
    "float": Naming(_float_name, lambda name: float(decimals.decode(name))),
    "integer": INTEGER,
    "string": TEXT,
    "text": TEXT,
    "time": Naming(
        lambda value: value.time().isoformat(timespec="microseconds"),
        lambda name: store_time(_EPOCH.fromisoformat(f"1970-01-01T{name}").time()),
    ),
    "uuid": None,
}
