"""Parameters of raw SQL: in the form of `%s`, their values as the scratch database holds them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.functional import Promise

from .decimals import text_of


def positional(sql: str, params: Sequence[Any] | Mapping[str, Any] | None) -> tuple[str, tuple[Any, ...]]:
    """Return a statement with `%s` for each parameter, and the parameters in this order. Without any, a percent sign is just that."""
    if params is None:
        return sql.replace("%", "%%"), ()
    if not isinstance(params, Mapping):
        return sql, tuple(map(adapted, params))
    named = _Named(params)
    text = sql.replace("%%", "%%%%") % named  # formatting halves them
    return text, tuple(map(adapted, named.used))


class _Named:
    """Notes which parameters a text names, while it is formatted with this."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self.used: list[Any] = []

    def __getitem__(self, name: str) -> str:
        self.used.append(self._params[name])
        return "%s"


def adapted(value: Any) -> Any:
    """Return a value as columns of its type hold it: moments in UTC."""
    match value:
        case dt.datetime():
            return _moment(value)
        case dt.date() | dt.time() | Promise():
            return str(value)
        case dt.timedelta():
            return value // dt.timedelta(microseconds=1)
        case Decimal():
            return text_of(value)
        case uuid.UUID():
            return value.hex
        case memoryview():
            return bytes(value)
        case _:
            return value


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        return str(value)
    if not settings.USE_TZ:
        raise ValueError(f"{value} has a time zone, and USE_TZ is False. Pass a naive datetime.")
    return str(value.astimezone(dt.UTC).replace(tzinfo=None))
