"""Orderings: by the store where it can, in memory after a lookup or a merge, and the same either way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Lower
from django.db.utils import NotSupportedError
from records.models import EveryField, Nullable, Record, Sorted, SortedUse

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.testing import assertNumRPCs, capture_rpcs

ROWS = [(1, 3, None), (2, 1, 5), (3, 3, 2), (4, 2, None), (5, 1, 5)]


@pytest.fixture(autouse=True)
def rows(namespace: str) -> None:
    Record.objects.bulk_create(Record(pk=pk, n=n, m=m, name=f"row {pk}") for pk, n, m in ROWS)


def keys(queryset: Any) -> list[int]:
    return [row.pk for row in queryset]


ORDERINGS: list[tuple[tuple[Any, ...], list[int]]] = [
    (("n",), [2, 5, 4, 1, 3]),
    (("-n",), [1, 3, 4, 2, 5]),
    (("n", "-pk"), [5, 2, 4, 3, 1]),
    (("-n", "-pk"), [3, 1, 4, 5, 2]),
    (("m",), [1, 4, 3, 2, 5]),
    (("-m",), [2, 5, 3, 1, 4]),
    (("m", "-n"), [1, 4, 3, 2, 5]),
    (("pk",), [1, 2, 3, 4, 5]),
    (("-pk",), [5, 4, 3, 2, 1]),
    (("id",), [1, 2, 3, 4, 5]),
    (("n", "n", "-n"), [2, 5, 4, 1, 3]),
    ((F("n").desc(), "pk"), [1, 3, 4, 2, 5]),
    ((F("m").asc(nulls_first=True),), [1, 4, 3, 2, 5]),
    ((F("m").desc(nulls_last=True),), [2, 5, 3, 1, 4]),
    (("author",), [1, 2, 3, 4, 5]),
    (("-author_id",), [1, 2, 3, 4, 5]),
]  # fmt: skip


@pytest.mark.parametrize(("ordering", "found"), ORDERINGS, ids=str)
def test_an_ordering_sorts(ordering: tuple[Any, ...], found: list[int]) -> None:
    assert keys(Record.objects.order_by(*ordering)) == found


@pytest.mark.parametrize(("ordering", "found"), ORDERINGS, ids=str)
def test_rows_found_by_key_are_sorted_alike(ordering: tuple[Any, ...], found: list[int]) -> None:
    rows = Record.objects.filter(pk__in=[5, 4, 3, 2, 1]).order_by(*ordering)
    with capture_rpcs() as rpcs:
        assert keys(rows) == found
    assert keys(rows[1:3]) == found[1:3]
    assert rpcs.methods == ["Lookup"]


@pytest.mark.parametrize(("ordering", "found"), ORDERINGS, ids=str)
def test_merged_branches_are_sorted_alike(ordering: tuple[Any, ...], found: list[int]) -> None:
    rows = Record.objects.filter(n__in=[1, 2, 3]).order_by(*ordering)
    assert keys(rows) == found
    assert keys(rows[1:4]) == found[1:4]


@pytest.mark.parametrize(("ordering", "found"), ORDERINGS, ids=str)
def test_an_inequality_on_another_column_keeps_the_ordering(ordering: tuple[Any, ...], found: list[int]) -> None:
    rows = Record.objects.filter(name__gt="row 2").order_by(*ordering)
    expected = [pk for pk in found if pk > 2]
    assert keys(rows) == expected
    assert keys(rows[1:]) == expected[1:]


@pytest.mark.parametrize(("ordering", "found"), ORDERINGS, ids=str)
def test_reversing_turns_every_order(ordering: tuple[Any, ...], found: list[int]) -> None:
    assert sorted(keys(Record.objects.order_by(*ordering).reverse())) == sorted(found)
    total = Record.objects.order_by(*ordering, "pk")
    assert keys(total.reverse()) == list(reversed(keys(total)))


def test_first_last_latest_and_earliest() -> None:
    assert Record.objects.first().pk == 1
    assert Record.objects.last().pk == 5
    assert Record.objects.order_by("-n", "-pk").first().pk == 3
    assert Record.objects.latest("n", "pk").pk == 3
    assert Record.objects.earliest("n", "pk").pk == 2
    with assertNumRPCs(1):
        assert Record.objects.filter(n=99).first() is None


def test_the_default_ordering_is_used_unless_another_is_given() -> None:
    Sorted.objects.bulk_create([Sorted(pk=1, name="b", rank=1), Sorted(pk=2, name="a", rank=1), Sorted(pk=3, name="c", rank=2)])
    assert keys(Sorted.objects.all()) == [3, 2, 1]
    assert keys(Sorted.objects.order_by("name")) == [2, 1, 3]
    assert keys(Sorted.objects.order_by()) == [1, 2, 3]
    assert keys(Sorted.objects.reverse()) == [1, 2, 3]
    assert Sorted.objects.first().pk == 3


@pytest.mark.parametrize("ordering", ["author__name", "?", Lower("name"), F("m").asc(nulls_last=True)], ids=str)
def test_an_ordering_that_the_store_does_not_have_names_the_plugin(ordering: Any) -> None:
    with pytest.raises(NotSupportedError, match="'relational'"):
        list(Record.objects.order_by(ordering))


@pytest.mark.parametrize("name", ["text", "json", "binary", "long_char"])
def test_an_ordering_by_what_is_not_indexed_names_the_plugin(name: str) -> None:
    with pytest.raises(NotSupportedError, match=rf"ordered by {name}.*'relational'"):
        list(EveryField.objects.order_by(name))


def test_an_ordering_by_a_relation_with_an_ordering_of_its_own_names_the_plugin() -> None:
    with pytest.raises(NotSupportedError, match="'relational'"):
        list(SortedUse.objects.order_by("sorted"))
    assert list(SortedUse.objects.order_by("sorted_id")) == []


def test_strings_sort_by_their_utf8_bytes_in_memory_too() -> None:
    names = ["B", "a", "aa", "z", "é", "\uffff", "😀"]
    Nullable.objects.bulk_create(Nullable(pk=at + 1, text=name) for at, name in enumerate(names))
    by_store = Nullable.objects.order_by("text").values_list("text", flat=True)
    by_key = Nullable.objects.filter(pk__in=range(1, 8)).order_by("text").values_list("text", flat=True)
    assert list(by_store) == list(by_key) == names


def test_rows_that_lack_the_property_are_missing_from_an_order_but_found_by_key() -> None:
    session = connection.session
    key = Key((("records_record", 9),), session.namespace())
    session.store.commit([Mutation(Verb.UPSERT, key, Entity(key, {"name": "sparse"}))])
    assert keys(Record.objects.order_by("n", "pk"))[-1] != 9
    assert keys(Record.objects.filter(pk__in=[1, 9]).order_by("n")) == [9, 1]
