"""AND, OR, NOT and exclude, with SQL's meaning of null."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.db.utils import NotSupportedError
from records.models import Record

from kindstore.testing import capture_rpcs

ROWS = [(1, 1, "a"), (2, None, "a"), (3, 3, "b"), (4, None, "b"), (5, 5, "c")]


@pytest.fixture(autouse=True)
def rows(namespace: str) -> None:
    Record.objects.bulk_create(Record(pk=n, n=n, m=m, name=name) for n, m, name in ROWS)


CONDITIONS: list[tuple[Q, list[int]]] = [
    (Q(n=1) & Q(name="a"), [1]),
    (Q(n=1) | Q(n=2), [1, 2]),
    (Q(n=1) | Q(name="a"), [1, 2]),
    (Q(n__lt=3) | Q(n__gt=3), [1, 2, 4, 5]),
    (Q(n__lt=2) | Q(m__gt=4), [1, 5]),
    (~Q(n=1), [2, 3, 4, 5]),
    (~Q(m=1), [2, 3, 4, 5]),
    (~Q(m__gt=1), [1, 2, 4]),
    (~Q(m__lt=4), [2, 4, 5]),
    (~Q(m__in=[1, 3]), [2, 4, 5]),
    (~Q(m__isnull=True), [1, 3, 5]),
    (~~Q(m=1), [1]),
    (~(Q(m=1) | Q(m=3)), [2, 4, 5]),
    (~(Q(m=1) & Q(name="a")), [2, 3, 4, 5]),
    (~(Q(name="a") & (Q(m=1) | Q(n=2))), [3, 4, 5]),
    (Q(m=1) | ~Q(name="a"), [1, 3, 4, 5]),
    (~Q(n__range=(2, 4)), [1, 5]),
    (~Q(m__range=(2, 4)), [1, 2, 4, 5]),
    (~Q(pk=1), [2, 3, 4, 5]),
    (~Q(pk__in=[1, 2]), [3, 4, 5]),
    (~Q(pk__gt=2), [1, 2]),
    (Q(pk=1) | Q(n=5), [1, 5]),
    (Q(pk=1) | Q(pk=3), [1, 3]),
    ((Q(pk=1) | Q(pk=3)) & Q(name="b"), [3]),
    (Q(pk__in=[]) | Q(n=1), [1]),
    (~Q(pk__in=[]), [1, 2, 3, 4, 5]),
    (~Q(n__in=[]), [1, 2, 3, 4, 5]),
    (~Q(name__startswith="a"), [3, 4, 5]),
    (~Q(n=1) & ~Q(n=2) & ~Q(name="c"), [3, 4]),
    (~Q(n=1) & ~Q(name="b"), [2, 5]),
    (Q(n__gt=1) & Q(m__gt=1) & Q(name__gt="a"), [3, 5]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "found"), CONDITIONS, ids=str)
def test_a_condition_finds(condition: Q, found: list[int]) -> None:
    assert [row.pk for row in Record.objects.filter(condition).order_by("pk")] == found


@pytest.mark.parametrize(("condition", "found"), CONDITIONS, ids=str)
def test_excluding_finds_the_others(condition: Q, found: list[int]) -> None:
    unknown = {pk for pk, m, _ in ROWS if m is None} if "m__" in str(condition) else set()
    excluded = {row.pk for row in Record.objects.exclude(condition)}
    assert excluded | set(found) | unknown == {1, 2, 3, 4, 5}
    assert not excluded & set(found)


@pytest.mark.parametrize(("condition", "found"), CONDITIONS, ids=str)
def test_counting_finds_as_many(condition: Q, found: list[int]) -> None:
    assert Record.objects.filter(condition).count() == len(found)


def test_several_exclusions_are_joined() -> None:
    rows = Record.objects.exclude(m=1).exclude(m=3).exclude(name="c")
    assert sorted(row.pk for row in rows) == [2, 4]


def test_querysets_are_joined_by_or_and_and() -> None:
    few, many = Record.objects.filter(n__lt=3), Record.objects.filter(n__gt=1)
    assert sorted(row.pk for row in few | many) == [1, 2, 3, 4, 5]
    assert sorted(row.pk for row in few & many) == [2]


def test_a_row_that_matches_several_branches_comes_once() -> None:
    rows = Record.objects.filter(Q(n__gt=0) | Q(name__lt="z") | Q(m__gt=0)).order_by("-n")
    assert [row.pk for row in rows] == [5, 4, 3, 2, 1]
    assert [row.pk for row in rows[1:3]] == [4, 3]


def test_branches_are_merged_in_order_with_an_offset() -> None:
    rows = Record.objects.filter(name__in=["c", "b", "a"], n__in=[1, 2, 3, 4, 5]).order_by("-name", "n")
    assert [row.pk for row in rows] == [5, 3, 4, 1, 2]
    assert [row.pk for row in rows[1:4]] == [3, 4, 1]


def test_two_inequalities_are_native() -> None:
    with capture_rpcs() as rpcs:
        assert [row.pk for row in Record.objects.filter(n__gt=1, m__lt=5)] == [3]
    assert rpcs.methods == ["RunQuery"]


def test_more_values_than_a_query_takes_are_cut_into_several() -> None:
    with capture_rpcs() as rpcs:
        assert sorted(row.pk for row in Record.objects.filter(n__in=range(-55, 4))) == [1, 2, 3]
    assert len(rpcs) == (59 if connection.session.capabilities.disjunctions == 1 else 2)


def test_neighbouring_values_are_excluded_by_the_range_around_them() -> None:
    with capture_rpcs() as rpcs:
        assert sorted(row.pk for row in Record.objects.exclude(n__in=range(4, 30))) == [1, 2, 3]
    assert len(rpcs) == (2 if connection.session.capabilities.disjunctions == 1 else 1)


def test_very_many_values_are_excluded_after_reading() -> None:
    with capture_rpcs() as rpcs:
        assert sorted(row.pk for row in Record.objects.exclude(n__in=range(4, 8000, 2))) == [1, 2, 3, 5]
    assert len(rpcs) == 1


def test_many_keys_are_excluded_by_one_query() -> None:
    with capture_rpcs() as rpcs:
        assert [row.pk for row in Record.objects.exclude(pk__in=range(4, 100)).order_by("-pk")[1:]] == [2, 1]
    assert len(rpcs) == 1


def test_no_condition_excludes_nothing() -> None:
    assert Record.objects.filter(Q()).count() == Record.objects.exclude(Q()).count() == 5


def test_too_many_branches_name_the_setting(settings: Any) -> None:
    settings.DJANGAE_MAX_QUERY_BRANCHES = 1
    many = Record.objects.filter(n__in=range(99))
    with pytest.raises(NotSupportedError, match=r"more than 1 queries.*DJANGAE_MAX_QUERY_BRANCHES"):
        list(many)
    settings.DJANGAE_MAX_QUERY_BRANCHES = 99
    assert many.count() == 5


def test_xor_names_the_plugin_that_answers_it() -> None:
    with pytest.raises(NotSupportedError, match=r"XOR.*'relational'"):
        list(Record.objects.filter(Q(n=1) ^ Q(m=1)))


def test_the_where_tree_of_a_query_is_left_as_it_is() -> None:
    queryset = Record.objects.exclude(Q(m=1) | Q(name__in=["a", "b"])).filter(pk__gt=0)
    before = str(queryset.query)
    list(queryset)
    assert str(queryset.query) == before
