"""Text is compared as on PostgreSQL: by case unless a lookup says otherwise, and by Unicode's cases if it does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F, Value
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Lower, Upper
from relations.models import Book, Publisher

LOOKUPS = {
    "contains": ({"title__contains": "rphan"}, [4]),
    "contains, other case": ({"title__contains": "RPHAN"}, [5]),
    "startswith": ({"title__startswith": "É"}, [3]),
    "endswith": ({"title__endswith": "n"}, [4]),
    "icontains": ({"title__icontains": "RpHaN"}, [4, 5]),
    "icontains beyond ASCII": ({"title__icontains": "ÉMILE"}, [2, 3]),
    "istartswith": ({"title__istartswith": "éM"}, [2, 3]),
    "iendswith": ({"title__iendswith": "ÉMILE"}, [3]),
    "iexact": ({"title__iexact": "éMILE"}, [3]),
    "iexact takes no wildcards": ({"title__iexact": "orpha_"}, []),
    "percent": ({"title__contains": "0%"}, [1]),
    "underscore": ({"title__icontains": "E_E"}, [2]),
    "newline": ({"blurb__contains": "\nnovel"}, [1]),
    "a number": ({"pages__contains": "5"}, [2, 3]),
    "regex": ({"title__regex": "^[é]"}, [2]),
    "iregex": ({"title__iregex": "^[é]"}, [2, 3]),
    "over a join": ({"publisher__name__startswith": "A"}, [1, 2]),
    "over a join, any case": ({"publisher__name__istartswith": "A"}, [1, 2, 3]),
    "a key of JSON": ({"extra__name__icontains": "éLAN"}, [1]),
}


@pytest.mark.parametrize(("condition", "expected"), LOOKUPS.values(), ids=LOOKUPS)
def test_lookup(condition: dict[str, Any], expected: list[int]) -> None:
    # Compared with an expression, no part of the condition is native.
    assert sorted(Book.objects.filter(pages=F("pages") + 0, **condition).values_list("pk", flat=True)) == expected


@pytest.mark.parametrize(
    ("lookup", "expected"),
    [("startswith", [1, 2]), ("istartswith", [1, 2, 3]), ("icontains", [1, 2, 3]), ("iendswith", [])],
)
def test_pattern_of_another_column(lookup: str, expected: list[int]) -> None:
    found = Book.objects.alias(start=Value("Al")).filter(**{f"publisher__name__{lookup}": F("start")})

    assert sorted(found.values_list("pk", flat=True)) == expected


def test_cases_are_those_of_unicode() -> None:
    names = Publisher.objects.annotate(up=Upper("name"), low=Lower("name")).filter(pk=2).values_list("up", "low")

    assert list(names) == [("ALPHA SÜD", "alpha süd")]


QUOTED = {'a"b': {"c": 5, "d": [1, {"e": "x"}]}, "c": None}


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ({'extra__a"b__c': 5}, True),
        ({'extra__a"b__c': 6}, False),
        ({'extra__a"b__c__gt': 4}, True),
        ({'extra__a"b__d__1__e': "x"}, True),
        ({'extra__a"b__d__1__e__startswith': "x"}, True),
        ({'extra__a"b__d__2__isnull': True}, True),
        ({'extra__a"b__d': [1, {"e": "x"}]}, True),
        ({'extra__a"b__d__in': [[], [1, {"e": "x"}]]}, True),
        ({'extra__a"b__isnull': False}, True),
        ({'extra__c__a"b__isnull': True}, True),
        ({"extra__has_key": 'a"b'}, True),
        ({"extra__has_key": 'a""b'}, False),
        ({"extra__has_keys": ["c", 'a"b']}, True),
        ({"extra__has_any_keys": ['a""b']}, False),
    ],
)
def test_a_key_of_json_with_a_double_quote(condition: dict[str, Any], matches: bool) -> None:
    Book.objects.create(title="quoted", extra=QUOTED)
    assert Book.objects.filter(title="quoted", **condition).exists() is matches


def test_values_by_a_key_of_json_with_a_double_quote() -> None:
    Book.objects.create(title="quoted", extra=QUOTED)
    quoted = Book.objects.annotate(whole=KeyTransform('a"b', "extra"), part=KeyTransform("c", KeyTransform('a"b', "extra")))
    assert list(quoted.filter(title="quoted").values_list("whole", "part")) == [(QUOTED['a"b'], 5)]
    assert next(iter(Book.objects.filter(extra__isnull=False).order_by('-extra__a"b__c'))).title == "quoted"
    assert Book.objects.exclude(**{'extra__a"b__isnull': True}).get().title == "quoted"
