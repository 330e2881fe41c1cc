"""Random rows, conditions, orderings and slices for the model Record."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from hypothesis import strategies as st

small = st.integers(-2, 4)
names = st.sampled_from(["", "A", "a", "aB", "ab", "abc", "b", "é", "z", "😀"])
prices = st.sampled_from([Decimal(text) for text in ("-100.25", "-10", "-9.99", "-0.01", "0", "0.5", "9.99", "10", "100000")])
days = st.sampled_from([dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 2, 29), dt.date(2025, 7, 1)])
moments = st.sampled_from(
    [
        dt.datetime(2023, 12, 31, 23, 30, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, 5, 59, 59, 999999, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, 6, 0, tzinfo=dt.UTC),
        dt.datetime(2024, 7, 1, 12, 0, 0, 1, tzinfo=dt.UTC),
    ]
)
keys = st.integers(1, 9)
authors = st.integers(1, 4)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "pk": keys,
    "n": small,
    "m": small,
    "name": names,
    "price": prices,
    "day": days,
    "at": moments,
    "author_id": authors,
    "flag": st.booleans(),
}
NULLABLE = ("m", "price", "day", "at", "author_id")
COMPARISONS = ("exact", "gt", "gte", "lt", "lte")

row = st.fixed_dictionaries({name: (st.none() | values) if name in NULLABLE else values for name, values in VALUES.items() if name != "pk"})
rows = st.lists(row, max_size=9)


def comparison(name: str) -> st.SearchStrategy[Q]:
    return st.builds(lambda op, value: Q(**{f"{name}__{op}": value}), st.sampled_from(COMPARISONS), VALUES[name])


def membership(name: str) -> st.SearchStrategy[Q]:
    members = VALUES[name] | st.none() if name in NULLABLE else VALUES[name]
    return st.lists(members, max_size=4).map(lambda values: Q(**{f"{name}__in": values}))


def span(name: str) -> st.SearchStrategy[Q]:
    return st.tuples(VALUES[name], VALUES[name]).map(lambda ends: Q(**{f"{name}__range": ends}))


def null(name: str) -> st.SearchStrategy[Q]:
    return st.booleans().map(lambda value: Q(**{f"{name}__isnull": value}))


def lookup(name: str, op: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Q]:
    return values.map(lambda value: Q(**{f"{name}__{op}": value}))


years = st.sampled_from([2023, 2024, 2025])
dates = st.one_of(
    [lookup(name, f"year{op}", years) for name in ("day", "at") for op in ("", "__gt", "__gte", "__lt", "__lte")]
    + [lookup("at", f"date{op}", days) for op in ("", "__gt", "__gte", "__lt", "__lte")]
)
ORDERED = tuple(name for name in VALUES if name != "flag")
leaves = st.one_of(
    *map(comparison, ORDERED),
    *map(membership, ORDERED),
    *[span(name) for name in ORDERED if name != "author_id"],  # a foreign key has no range
    *map(null, NULLABLE),
    lookup("flag", "exact", st.booleans()),
    lookup("name", "startswith", names),
    dates,
)
texts = st.one_of([lookup("name", op, names) for op in ("contains", "endswith", "regex")])


def of_siblings(name: str) -> st.SearchStrategy[Q]:
    """Return conditions on a field of any row of the same author."""
    path, values = f"author__record__{name}", VALUES[name]
    return st.one_of(
        st.builds(lambda op, value: Q(**{f"{path}__{op}": value}), st.sampled_from(COMPARISONS), values),
        lookup(path, "in", st.lists(values, max_size=3)),
        lookup(path, "isnull", st.booleans()),
    )


joined = st.one_of(*map(of_siblings, ("price", "n", "m", "name", "day", "at")), leaves)
mixed = st.booleans().flatmap(lambda text: texts if text else leaves)  # half of them are residual


def conditions(leaf: st.SearchStrategy[Q]) -> st.SearchStrategy[Q]:
    """Return nested conditions of at most a few leaves."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(lambda a, b: a & b, inner, inner), st.builds(lambda a, b: a | b, inner, inner), inner.map(lambda q: ~q)
        ),
        max_leaves=5,
    )


@dataclass(frozen=True)
class Asked:
    """One query: filters, exclusions, an ordering and a slice."""

    filtered: tuple[Q, ...]
    excluded: tuple[Q, ...]
    order: tuple[str, ...]
    window: tuple[int, int | None] | None

    def on(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Ask a queryset; a slice makes the ordering total, so that it determines the answer."""
        for condition in self.filtered:
            queryset = queryset.filter(condition)
        for condition in self.excluded:
            queryset = queryset.exclude(condition)
        if self.window is None:
            return queryset.order_by(*self.order)
        start, size = self.window
        return queryset.order_by(*self.order, "pk")[start : None if size is None else start + size]


orders = st.lists(st.tuples(st.sampled_from(["", "-"]), st.sampled_from(tuple(VALUES))), max_size=3, unique_by=lambda item: item[1]).map(
    lambda items: tuple(sign + name for sign, name in items)
)


def queries(leaf: st.SearchStrategy[Q]) -> st.SearchStrategy[Asked]:
    several = st.lists(conditions(leaf), max_size=2).map(tuple)
    return st.builds(Asked, several, several, orders, st.none() | st.tuples(st.integers(0, 4), st.none() | st.integers(0, 5)))
