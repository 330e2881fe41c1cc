"""Decimals as strings that sort as the numbers do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kindstore.core.mapping.decimals import decode, encode, quantize

fixed = st.decimals(min_value=-(10**6), max_value=10**6, places=3, allow_nan=False, allow_infinity=False)
floating = st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: not number or abs(number.adjusted()) < 100_000)


@pytest.mark.parametrize(
    ("number", "text"), [("12.5", "0012.50"), ("-12.5", "-9987.49~"), ("0", "0000.00"), ("-0", "0000.00"), ("9999.99", "9999.99")]
)
def test_the_form(number: str, text: str) -> None:
    assert encode(Decimal(number), 6, 2) == text


@given(fixed)
def test_a_number_comes_back(number: Decimal) -> None:
    assert decode(encode(number, 10, 3)) == number


@given(fixed, fixed)
def test_the_forms_sort_as_the_numbers(first: Decimal, second: Decimal) -> None:
    assert (encode(first, 10, 3) < encode(second, 10, 3)) is (first < second)
    assert (encode(first, 10, 3) == encode(second, 10, 3)) is (first == second)


@given(fixed, st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_a_number_with_more_digits_is_compared_exactly(stored: Decimal, compared: Decimal) -> None:
    column, operand = encode(stored, 10, 3), encode(compared, 10, 3)
    assert (column < operand) is (stored < compared)
    assert (column == operand) is (stored == compared)


@given(floating)
def test_a_number_of_any_size_comes_back(number: Decimal) -> None:
    assert decode(encode(number, None, None)) == number


@given(floating, floating)
def test_numbers_of_any_size_sort(first: Decimal, second: Decimal) -> None:
    assert (encode(first, None, None) < encode(second, None, None)) is (first < second)


@pytest.mark.parametrize(
    ("number", "rounded"),
    [("1.005", "1.01"), ("-1.005", "-1.01"), ("1.0049", "1.00"), ("9999.994", "9999.99"), ("9999.995", None), ("10000", None)],
)
def test_rounding_is_half_away_from_zero(number: str, rounded: str | None) -> None:
    found = quantize(Decimal(number), 6, 2)
    assert (None if found is None else str(found)) == rounded


@given(fixed)
def test_rounding_is_the_nearest(number: Decimal) -> None:
    rounded = quantize(number, 20, 1)
    assume(rounded is not None)
    assert rounded is not None
    assert abs(rounded - number) <= Decimal("0.05")
