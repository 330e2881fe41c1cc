"""Decimals as strings that the store sorts as numbers.

A number of max_digits=6, decimal_places=2 is stored as "0012.50"; a negative one as "-" with each digit's complement to nine and a
closing "~", so that -12.50 is "-9987.49~". A number to compare with may have more places than the column, or more digits.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_BEYOND, _BELOW = "~", "-"  # sort after and before every stored number
_EXPONENT_DIGITS = 6


def encode(value: Decimal, max_digits: int | None, decimal_places: int | None) -> str:
    """Return the sortable form of a finite number, exact, for a column of so many digits."""
    if max_digits is None or decimal_places is None:
        return _encode_floating(value)
    whole, _, fraction = f"{value.copy_abs():f}".partition(".")
    whole = whole.lstrip("0")
    width = max_digits - decimal_places
    if len(whole) > width:
        return _BEYOND if value > 0 else _BELOW
    return _signed(f"{whole.zfill(width)}.{fraction.rstrip('0').ljust(decimal_places, '0')}", negative=value < 0)


def quantize(value: Decimal, max_digits: int | None, decimal_places: int | None) -> Decimal | None:
    """Round a number to a column's places, half away from zero as SQL does; None when it has too many digits."""
    if max_digits is None or decimal_places is None:
        return value
    try:
        return value.quantize(Decimal(1).scaleb(-decimal_places), context=Context(prec=max_digits, rounding=ROUND_HALF_UP))
    except InvalidOperation:
        return None


def decode(text: str) -> Decimal:
    """Return the number of a sortable form."""
    if text[0] != "-":
        return Decimal(text) if "e" not in text else _decode_floating(text)
    plain = text[1:-1].translate(_COMPLEMENT)
    return (Decimal(plain) if "e" not in plain else _decode_floating(plain)).copy_negate()


def _signed(text: str, *, negative: bool) -> str:
    return f"-{text.translate(_COMPLEMENT)}~" if negative else text


def _encode_floating(value: Decimal) -> str:
    """Encode a number of any size: the biased exponent, "e", and the digits without trailing zeros; zero is the least of them."""
    if not value:
        return "0" * _EXPONENT_DIGITS + "e0"
    digits = "".join(map(str, value.as_tuple().digits)).lstrip("0").rstrip("0")
    biased = value.adjusted() + 10**_EXPONENT_DIGITS // 2
    return _signed(f"{biased:0{_EXPONENT_DIGITS}d}e{digits}", negative=value < 0)


def _decode_floating(text: str) -> Decimal:
    biased, _, digits = text.partition("e")
    if int(biased) == 0:
        return Decimal(0)
    exponent = int(biased) - 10**_EXPONENT_DIGITS // 2 - len(digits) + 1
    return Decimal((0, tuple(map(int, digits)), exponent))
