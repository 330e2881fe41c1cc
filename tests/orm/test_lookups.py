"""Lookups, each native."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F, Q, TextChoices
from django.db.utils import NotSupportedError
from django.utils import timezone
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from records.models import Author, EveryField, Nullable, Record

from kindstore.testing import assertNumRPCs, capture_rpcs


@pytest.fixture
def people() -> None:
    Author.objects.bulk_create(
        [Author(pk=1, name="Ann", born=1950), Author(pk=2, name="ann", born=None), Author(pk=3, name="Bob", born=1970)]
    )
    Record.objects.bulk_create(
        [
            Record(pk=1, name="a", n=1, m=5, author_id=1),
            Record(pk=2, name="b", n=2, m=None, author_id=None),
            Record(pk=3, name="c", n=3, m=7, author_id=2),
            Record(pk=4, name="d", n=4, m=None, author_id=1),
        ]
    )


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"n": 2}, [2]),
        ({"n": "2"}, [2]),
        ({"n__exact": 9}, []),
        ({"m__lt": 7}, [1]),
        ({"m__lte": 7}, [1, 3]),
        ({"m__gt": 5}, [3]),
        ({"m__gte": 5}, [1, 3]),
        ({"m": None}, [2, 4]),
        ({"m__isnull": True}, [2, 4]),
        ({"m__isnull": False}, [1, 3]),
        ({"n__range": (2, 3)}, [2, 3]),
        ({"n__range": (3, 2)}, []),
        ({"m__in": [5, None, 5]}, [1]),
        ({"m__in": [None]}, []),
        ({"n__in": []}, []),
        ({"n__in": [2**70, 4]}, [4]),
        ({"n__lt": 2**70}, [1, 2, 3, 4]),
        ({"n__gt": 2.5}, [3, 4]),
        ({"n__gte": 2.5}, [3, 4]),
        ({"n__lt": 2.5}, [1, 2]),
        ({"n__lte": 2.5}, [1, 2]),
        ({"n": 2.5}, [2]),
        ({"name": "B"}, []),
        ({"name__lt": "c"}, [1, 2]),
        ({"author": 1}, [1, 4]),
        ({"author": "1"}, [1, 4]),
        ({"author__id": 2}, [3]),
        ({"author_id__in": [1, 2]}, [1, 3, 4]),
        ({"author__gt": 1}, [3]),
        ({"author": None}, [2]),
        ({"author__isnull": False}, [1, 3, 4]),
        ({"n__gt": 1, "m__gt": 1}, [3]),
    ],
)
def test_a_lookup_finds(condition: dict[str, Any], found: list[int]) -> None:
    assert [row.pk for row in Record.objects.filter(**condition).order_by("pk")] == found


@pytest.mark.usefixtures("people")
def test_an_instance_is_its_key() -> None:
    assert Record.objects.filter(author=Author.objects.get(pk=2)).get().pk == 3
    assert Record.objects.filter(author__in=Author.objects.filter(born__gt=0)).count() == 2


@pytest.mark.usefixtures("people")
def test_the_values_of_an_inner_query_take_one_more_query() -> None:
    inner = Author.objects.filter(born__isnull=True).values_list("pk", flat=True)
    with capture_rpcs() as rpcs:
        assert [row.pk for row in Record.objects.filter(author__in=inner)] == [3]
    assert rpcs.methods == ["RunQuery", "RunQuery"]


@pytest.mark.usefixtures("people")
def test_null_among_the_values_of_an_inner_query_excludes_every_row() -> None:
    inner = Record.objects.values("author_id")
    assert list(Author.objects.exclude(pk__in=inner)) == []
    assert [row.pk for row in Author.objects.exclude(pk__in=inner.filter(author__isnull=False))] == [3]


@pytest.mark.usefixtures("people")
def test_an_inner_query_without_rows_excludes_none() -> None:
    assert Author.objects.exclude(pk__in=Record.objects.filter(n=99).values("author_id")).count() == 3


@pytest.mark.usefixtures("people")
def test_an_inner_query_may_be_sliced() -> None:
    inner = Author.objects.order_by("-pk").values("pk")[:2]
    assert [row.pk for row in Record.objects.filter(author__in=inner)] == [3]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("a", ["a", "a\uffff", "a😀", "ab"]),
        ("a😀", ["a😀"]),
        ("A", ["A"]),
        ("😀", ["😀x"]),
        ("\U0010ffff", ["\U0010ffffz"]),
        ("", ["", "A", "a", "a\uffff", "a😀", "ab", "b", "😀x", "\U0010ffffz"]),
        ("%", []),
    ],
)
def test_startswith_is_a_range_and_tells_case(prefix: str, found: list[str]) -> None:
    names = ["", "A", "a", "ab", "a\uffff", "a😀", "b", "😀x", "\U0010ffffz"]
    Record.objects.bulk_create(Record(name=name) for name in names)
    with capture_rpcs() as rpcs:
        assert sorted(Record.objects.filter(name__startswith=prefix).values_list("name", flat=True)) == sorted(found)
    assert rpcs.methods == ["RunQuery"]


def test_startswith_takes_any_kind_of_text() -> None:
    Record.objects.create(pk=1, name="ab", n=1)
    for prefix in (mark_safe("a"), lazystr("a"), TextChoices("Prefix", {"A": ("a", "A")})("a")):
        assert Record.objects.filter(name__startswith=prefix).exists()
        assert Record.objects.filter(pk=1, name__startswith=prefix).exists()
    assert not Record.objects.filter(name__startswith="\ud800").exists()


@pytest.mark.parametrize(
    ("text", "found"), [("5", True), (5, True), ("05", False), ("+5", False), (" 5", False), ("5.0", False), ("x", False)]
)
def test_iexact_of_an_integer_compares_its_text(text: Any, found: bool) -> None:
    Record.objects.create(n=5)
    assert Record.objects.filter(n__iexact=text).exists() is found


@pytest.mark.parametrize("lookup", ["contains", "icontains", "endswith", "iexact", "istartswith", "regex"])
def test_other_text_lookups_name_the_plugin_that_answers_them(lookup: str) -> None:
    with pytest.raises(NotSupportedError, match=rf"records\.Record.*{lookup}.*'relational'"):
        list(Record.objects.filter(**{f"name__{lookup}": "x"}))


def test_a_comparison_of_two_columns_names_the_plugin() -> None:
    with pytest.raises(NotSupportedError, match="'relational'"):
        list(Record.objects.filter(n=F("m")))


MOMENTS = [
    dt.datetime(2023, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 - made aware below
    dt.datetime(2024, 1, 1),  # noqa: DTZ001
    dt.datetime(2024, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
    dt.datetime(2025, 1, 1),  # noqa: DTZ001
]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"at__year": 2024}, [1, 2]),
        ({"at__year__gt": 2023}, [1, 2, 3]),
        ({"at__year__gte": 2024}, [1, 2, 3]),
        ({"at__year__lt": 2024}, [0]),
        ({"at__year__lte": 2024}, [0, 1, 2]),
        ({"at__date": dt.date(2024, 1, 1)}, [1]),
        ({"at__date__gt": dt.date(2024, 1, 1)}, [2, 3]),
        ({"at__date__lte": dt.date(2024, 1, 1)}, [0, 1]),
        ({"at__date__range": (dt.date(2023, 12, 31), dt.date(2024, 1, 1))}, [0, 1]),
        ({"day__year": 2024}, [1, 2]),
        ({"day__year__gt": 2024}, [3]),
        ({"day__range": (dt.date(2024, 1, 1), dt.date(2024, 12, 31))}, [1, 2]),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/Chicago"])
def test_years_and_dates_are_ranges_in_the_current_time_zone(condition: dict[str, Any], found: list[int], zone: str) -> None:
    with timezone.override(zone):
        aware = [timezone.make_aware(moment) for moment in MOMENTS]
        Nullable.objects.bulk_create([Nullable(pk=at + 1, at=moment, day=moment.date()) for at, moment in enumerate(aware)])
        with capture_rpcs() as rpcs:
            assert [row.pk - 1 for row in Nullable.objects.filter(**condition).order_by("pk")] == found
    assert set(rpcs.methods) == {"RunQuery"}


@pytest.mark.parametrize("value", ["1.5", Decimal("1.50"), 1.5])
def test_a_decimal_is_found_by_equal_numbers(value: Any) -> None:
    Record.objects.create(price=Decimal("1.5"))
    assert Record.objects.filter(price=value).exists()


@pytest.mark.parametrize("value", [Decimal("99999999999"), Decimal("-99999999999")])
def test_a_decimal_beyond_the_column_is_still_compared(value: Decimal) -> None:
    Record.objects.create(price=Decimal("1.5"))
    assert Record.objects.filter(price__lt=value).exists() is (value > 0)
    assert not Record.objects.filter(price=value).exists()


def test_a_text_longer_than_an_index_entry_is_equal_to_none() -> None:
    Record.objects.create(name="a")
    assert not Record.objects.filter(name="x" * 2000).exists()
    assert Record.objects.exclude(name="x" * 2000).exists()


@pytest.mark.parametrize(
    "queryset",
    [
        lambda: Record.objects.none(),
        lambda: Record.objects.none().filter(pk=1),
        lambda: Record.objects.filter(pk__in=[]),
        lambda: Record.objects.filter(n__in=[], m=1),
        lambda: Record.objects.filter(Q(pk__in=[]) | Q(n__in=[])),
        lambda: Record.objects.filter(pk=-(2**63)),
        lambda: EveryField.objects.filter(positive=-1),
        lambda: EveryField.objects.filter(positive__lt=-1),
        lambda: EveryField.objects.exclude(positive__gt=-1),
        lambda: Record.objects.all()[3:3],
    ],
)
def test_what_cannot_match_takes_no_rpc(queryset: Any) -> None:
    with assertNumRPCs(0):
        assert list(queryset()) == []
        assert queryset().count() == 0
        assert not queryset().exists()


@pytest.mark.usefixtures("people")
def test_rows_found_by_key_are_checked_against_the_other_conditions() -> None:
    with capture_rpcs() as rpcs:
        assert [row.pk for row in Record.objects.filter(pk__in=[1, 2, 3, 4, 99], n__gt=1, m=None).order_by("-name")] == [4, 2]
    assert rpcs.methods == ["Lookup"]


@pytest.mark.usefixtures("people")
def test_more_keys_than_one_lookup_takes() -> None:
    assert Record.objects.filter(pk__in=range(1, 2500)).count() == 4


def test_a_boolean_is_found() -> None:
    EveryField.objects.create(boolean=False, maybe=None)
    assert EveryField.objects.filter(boolean=False, maybe__isnull=True).exists()
    assert not EveryField.objects.filter(boolean=True).exists()
    assert not EveryField.objects.exclude(maybe=True).filter(maybe=False).exists()


@pytest.mark.usefixtures("people")
def test_missing_properties_match_nothing_but_their_absence_is_not_null() -> None:
    assert Record.objects.filter(Q(n__lt=100) | Q(n__gte=100)).count() == 4


@pytest.mark.parametrize("zone", ["America/Chicago", "Asia/Tokyo"])
def test_the_first_and_the_last_day_of_all_are_compared_with(zone: str) -> None:
    Record.objects.create(at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    with timezone.override(zone):
        assert Record.objects.filter(at__date__lte=dt.date.max, at__date__gte=dt.date.min).count() == 1
        assert not Record.objects.filter(at__date__gt=dt.date.max).exists()


def test_a_decimal_is_not_searched_by_its_stored_form() -> None:
    with pytest.raises(NotSupportedError, match="startswith"):
        list(Record.objects.filter(price__startswith="12"))


def test_values_of_another_type_are_left_to_sql() -> None:
    with pytest.raises(NotSupportedError, match="not of the type"):
        list(Record.objects.filter(n__in=Record.objects.values("price")))
