"""A date is its midnight where it is compared with a moment, as in SQL; SQLite would compare texts of two lengths."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.models import Case, DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import TruncDay
from django.db.utils import NotSupportedError
from records.models import Author, Record

DAY = dt.date(2024, 3, 1)
MIDNIGHT = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _rows() -> None:
    """1: just before the day, 2: its midnight, 3: just after that, 4: nothing."""
    author = Author.objects.create(name="Ada")
    for at in (MIDNIGHT - TICK, MIDNIGHT, MIDNIGHT + TICK):
        Record.objects.create(day=DAY, at=at, author=author)
    Record.objects.create(author=author)


def found(*conditions: Any, **lookups: Any) -> list[int]:
    return sorted(Record.objects.filter(*conditions, **lookups).values_list("pk", flat=True))


@pytest.mark.parametrize(("lookup", "keys"), [("exact", [2]), ("gt", [1]), ("gte", [1, 2]), ("lt", [3]), ("lte", [2, 3])])
def test_a_date_with_a_moment(lookup: str, keys: list[int]) -> None:
    assert found(**{f"day__{lookup}": F("at")}) == keys


@pytest.mark.parametrize(("lookup", "keys"), [("exact", [2]), ("gt", [3]), ("gte", [2, 3]), ("lt", [1]), ("lte", [1, 2])])
def test_a_moment_with_a_date(lookup: str, keys: list[int]) -> None:
    assert found(**{f"at__{lookup}": F("day")}) == keys


def test_negated() -> None:
    assert found(~Q(day=F("at"))) == [1, 3, 4]


def test_members() -> None:
    assert found(day__in=[F("at"), dt.date(2020, 1, 1)]) == [2]
    assert found(day__in=[F("at"), DAY]) == [1, 2, 3]
    assert found(at__in=[F("day"), MIDNIGHT + TICK]) == [2, 3]


def test_ranges() -> None:
    assert found(day__range=(F("at"), dt.date(2025, 1, 1))) == [1, 2]
    assert found(at__range=(F("day"), MIDNIGHT)) == [2]


def test_what_is_computed() -> None:
    day = dt.timedelta(days=1)

    assert found(day=ExpressionWrapper(F("day") + day - day, DateTimeField())) == [1, 2, 3]
    assert found(day__lt=F("day") + day) == [1, 2, 3]
    assert found(day=TruncDay("at", tzinfo=dt.UTC)) == [2, 3]


def test_choices() -> None:
    kept = Record.objects.annotate(x=Case(When(day__gte=F("at"), then=Value(1)), default=Value(0)))

    assert list(kept.order_by("pk").values_list("x", flat=True)) == [1, 1, 0, 0]


class TestInnerQueries:
    def test_that_select_moments(self) -> None:
        assert found(day__in=Record.objects.filter(pk__in=[1, 3]).values("at")) == []
        assert found(day__in=Record.objects.values("at")) == [1, 2, 3]
        assert found(day__gte=Subquery(Record.objects.filter(pk=2).values("at"))) == [1, 2, 3]

    def test_that_refer_to_the_outer_one(self) -> None:
        assert found(Exists(Record.objects.filter(day=OuterRef("at")))) == [2]

    def test_that_select_dates_are_refused_for_moments(self) -> None:
        with pytest.raises(NotSupportedError, match=r"an inner query on records\.Record computes or selects as a date"):
            found(at__in=Record.objects.values("day"))

    def test_that_compute_moments_are_refused_for_dates(self) -> None:
        with pytest.raises(NotSupportedError, match="compares a date with a moment"):
            found(day__in=Record.objects.values(x=TruncDay("at")))

    def test_of_the_same_type_are_compared_as_ever(self) -> None:
        assert found(day__in=Record.objects.filter(pk=1).values("day")) == [1, 2, 3]
        assert found(at__in=Record.objects.filter(pk=1).values("at")) == [1]
