"""How many RPCs each operation takes, and of which kind: what test_rpcs.py asserts and docs/reference/rpcs.md shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from django.db.models import Avg, F, Sum
from records.models import Record

ROWS = 1000  # rows that are there before each operation
Run = Callable[[], Any]


@dataclass(frozen=True)
class Operation:
    """An operation and the RPCs that it takes; `prepare` makes, uncounted, what the operation then runs."""

    name: str
    prepare: Callable[[], Run]
    rich: tuple[str, ...]  # memory and Firestore in Datastore mode
    legacy: tuple[str, ...]  # Datastore: no aggregation, no masks, no IN, 300 rows a page, 25 rows a commit


def first() -> Record:
    return Record.objects.get(pk=1)


def hundred() -> list[Record]:
    rows = list(Record.objects.filter(pk__in=range(1, 101)))
    for row in rows:
        row.name = "changed"
    return rows


def changed() -> Record:
    row = first()
    row.name = "changed"
    return row


def new(count: int) -> list[Record]:
    return [Record(n=i) for i in range(count)]


def pages(rows: int) -> tuple[str, ...]:
    return ("RunQuery",) * -(-rows // 300)


def commits(rows: int) -> tuple[str, ...]:
    return ("Commit",) * -(-rows // 25)


OPERATIONS = (
    Operation("`objects.create(...)`", lambda: lambda: Record.objects.create(n=1), ("Commit",), ("Commit",)),
    Operation("`objects.create(pk=...)`", lambda: lambda: Record.objects.create(pk=5000), ("Commit",), ("Commit",)),
    Operation("`obj.save()` of a loaded row", lambda: changed().save, ("Commit",), ("Lookup", "Commit")),
    Operation(
        "`obj.save(update_fields=[...])`", lambda: partial(changed().save, update_fields=["name"]), ("Commit",), ("Lookup", "Commit")
    ),
    Operation("`get(pk=...)`", lambda: lambda: Record.objects.get(pk=1), ("Lookup",), ("Lookup",)),
    Operation("`get(name=...)`", lambda: lambda: Record.objects.get(name="row 7"), ("RunQuery",), ("RunQuery",)),
    Operation("`filter(...)`, 100 rows", lambda: lambda: list(Record.objects.filter(n=3)), ("RunQuery",), ("RunQuery",)),
    Operation(
        "`values_list(...)`, 100 rows", lambda: lambda: list(Record.objects.filter(n=3).values_list("name")), ("RunQuery",), ("RunQuery",)
    ),
    Operation("1000 rows", lambda: lambda: list(Record.objects.all()), ("RunQuery",), pages(1000)),
    Operation(
        "`iterator(chunk_size=250)`, 1000 rows", lambda: lambda: list(Record.objects.iterator(250)), ("RunQuery",) * 4, ("RunQuery",) * 5
    ),
    Operation("`count()`, 1000 rows", lambda: Record.objects.count, ("RunAggregationQuery",), pages(1000)),
    Operation("`filter(...).exists()`", lambda: Record.objects.filter(n=3).exists, ("RunQuery",), ("RunQuery",)),
    Operation(
        "`filter(f__in=[10 values])`",
        lambda: lambda: list(Record.objects.filter(name__in=[f"row {i}" for i in range(10)])),
        ("RunQuery",),
        ("RunQuery",) * 10,
    ),
    Operation("`filter(pk__in=[1000 keys])`", lambda: lambda: list(Record.objects.filter(pk__in=range(1, 1001))), ("Lookup",), ("Lookup",)),
    Operation("`in_bulk([100 keys])`", lambda: lambda: Record.objects.in_bulk(range(1, 101)), ("Lookup",), ("Lookup",)),
    Operation("`exclude(f=...)`, 900 rows", lambda: lambda: list(Record.objects.exclude(n=3)), ("RunQuery",), pages(300) + pages(600)),
    Operation("`order_by(...)[:10]`", lambda: lambda: list(Record.objects.order_by("-name")[:10]), ("RunQuery",), ("RunQuery",)),
    Operation(
        "`update(f=...)` of one row by key", lambda: lambda: Record.objects.filter(pk=1).update(name="x"), ("Commit",), ("Lookup", "Commit")
    ),
    Operation(
        "`update(f=F(f) + 1)` of one row by key",
        lambda: lambda: Record.objects.filter(pk=1).update(n=F("n") + 1),
        ("Commit",),
        ("Lookup", "Commit"),
    ),
    Operation(
        "`update(f=F(f) + 1)`, 100 rows",
        lambda: lambda: Record.objects.filter(n=3).update(n=F("n") + 1),
        ("RunQuery", "Commit"),
        ("RunQuery", *commits(100)),
    ),
    Operation("`obj.delete()`", lambda: first().delete, ("Lookup", "Commit"), ("Lookup", "Commit")),
    Operation(
        "`filter(...).delete()`, 100 rows", lambda: Record.objects.filter(n=3).delete, ("RunQuery", "Commit"), ("RunQuery", *commits(100))
    ),
    Operation("`bulk_create([500 rows])`", lambda: partial(Record.objects.bulk_create, new(500)), ("Commit",), commits(500)),
    Operation(
        "`bulk_update([100 rows], [...])`",
        lambda: partial(Record.objects.bulk_update, hundred(), ["name"]),
        ("Lookup", "Commit"),
        ("Lookup", *commits(100)),
    ),
    Operation("`none()`, `filter(pk__in=[])`", lambda: lambda: list(Record.objects.filter(pk__in=[])), (), ()),
    Operation("`obj.author_id`", lambda: partial(getattr, first(), "author_id"), (), ()),
)
# What the legacy store has no aggregation for.
AGGREGATES = Operation(
    "`aggregate(Sum(...), Avg(...))`", lambda: lambda: Record.objects.aggregate(Sum("n"), Avg("n")), ("RunAggregationQuery",) * 2, ()
)


def table() -> str:
    """Return the table of the documentation."""
    lines = ["| operation | memory, Firestore in Datastore mode | Datastore |", "|---|---|---|"]
    lines += [f"| {each.name} | {described(each.rich)} | {described(each.legacy)} |" for each in OPERATIONS]
    lines.append(f"| {AGGREGATES.name} | {described(AGGREGATES.rich)} | by the plugin `relational` |")
    return "\n".join(lines)


def described(methods: tuple[str, ...]) -> str:
    """Return RPCs as text: their number, and each with how often it is sent in a row."""
    if not methods:
        return "0"
    groups = [(name, len(list(group))) for name, group in groupby(methods)]
    text = ", ".join(name if times == 1 else f"{times} {name}" for name, times in groups)
    return f"{len(methods)}: {text}"
