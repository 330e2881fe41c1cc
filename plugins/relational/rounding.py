"""Rounding as other databases do it: decimals exactly, and with a negative number of places, which SQLite does not know."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from .decimals import EXACT, text_of

ROUND = "KINDSTORE_ROUND"  # a function
_AWAY_FROM_ZERO = Context(prec=EXACT.prec, rounding=ROUND_HALF_UP)


def rounded(value: Any, places: Any) -> Any:
    """Return a number rounded to decimal places, halves away from zero; a decimal, an integer or a float as it came."""
    if value is None or places is None or (isinstance(value, float) and not math.isfinite(value)):
        return None if places is None else value
    number = Decimal(value if isinstance(value, (int, str)) else repr(value))
    result = number.quantize(Decimal(1).scaleb(-int(places)), context=_AWAY_FROM_ZERO)
    if isinstance(value, str):
        return text_of(result)
    return int(result) if isinstance(value, int) else float(result)
