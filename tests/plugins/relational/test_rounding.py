"""Round() to any number of places."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F, Value
from django.db.models.functions import Round
from relations.models import Book

from kindstore.plugins.relational.rounding import rounded


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (365, -1, 370),
        (-365, -1, -370),
        (364, -1, 360),
        (5, 2, 5),
        (2**63 - 1, 0, 2**63 - 1),
        (2.5, 0, 3.0),
        (-2.5, 0, -3.0),
        (0.125, 2, 0.13),
        (365.25, -2, 400.0),
        (float("inf"), 1, float("inf")),
        ("12345678901234567890.125", 2, "12345678901234567890.13"),
        ("365.25", -1, "370.0"),
        ("-0.4", 0, "0.0"),
        (None, 1, None),
        (1.5, None, None),
    ],
)
def test_halves_are_rounded_away_from_zero(value: Any, places: Any, expected: Any) -> None:
    found = rounded(value, places)
    assert (found, type(found)) == (expected, type(expected))


def test_columns_are_rounded() -> None:
    Book.objects.filter(pk=1).update(price=Decimal("165.25"), pages=365, rating=4.56)
    row = Book.objects.annotate(a=Round("price", -1), b=Round("pages", -1), c=Round("rating", 1), d=Round("price", F("pk") * Value(1)))
    assert row.values_list("a", "b", "c", "d").get(pk=1) == (Decimal(170), 370, 4.6, Decimal("165.3"))
