"""Decimals in the scratch database: one text for each number, so that what compares bytes tells numbers apart as SQL does."""

from __future__ import annotations

from decimal import Context, Decimal

EXACT = Context(prec=1000)


def text_of(value: Decimal) -> str:
    """Return the one text of a number: at least one decimal place (SQLite divides integers as such), no further zeros, no minus zero."""
    if not value.is_finite():
        return str(value)
    whole, _, fraction = f"{value:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}" if value else "0.0"


def number_of(text: str, decimal_places: int | None) -> Decimal:
    """Return the number of a text with at least the places of its field, and never fewer digits than it has."""
    value = Decimal(text.removesuffix(".0"))
    exponent = value.as_tuple().exponent
    if decimal_places is None or not isinstance(exponent, int) or -exponent >= decimal_places:
        return value
    return value.quantize(Decimal(1).scaleb(-decimal_places), context=EXACT)
