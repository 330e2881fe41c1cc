"""How many RPCs writing takes with transactions and unique values: what test_rpcs.py asserts and docs/reference/rpcs.md shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import F
from records.models import Record
from uniques.models import Account, Cafe, Tag

from kindstore.plugins.transactions import atomic

Run = Callable[[], Any]
LOOKUP, COMMIT, QUERY, BEGIN, ROLLBACK = "Lookup", "Commit", "RunQuery", "BeginTransaction", "Rollback"


@dataclass(frozen=True)
class Operation:
    """An operation and the RPCs that it takes; `prepare` makes, uncounted, what the operation then runs."""

    name: str
    prepare: Callable[[], Run]
    rich: tuple[str, ...]  # memory and Firestore in Datastore mode
    legacy: tuple[str, ...]  # Datastore: no masks, 25 entity groups a commit, so 6 or 7 rows with two unique values


def account(pk: int = 1) -> Account:
    found: Account = Account.objects.get(pk=pk)
    return found


def tags(count: int) -> list[Tag]:
    return [Tag(slug=f"new-{number}", order=-number) for number in range(count)]


def save(**values: Any) -> Run:
    row = account()
    for name, value in values.items():
        setattr(row, name, value)
    return row.save


def hundred() -> list[Record]:
    rows = list(Record.objects.filter(pk__in=range(1, 101)))
    for row in rows:
        row.name = "changed"
    return rows


def nothing() -> None:
    with transaction.atomic(), transaction.atomic():
        pass


def get_and_save(**characteristics: Any) -> None:
    with atomic(**characteristics):
        row = Record.objects.get(pk=1)
        row.n += 1
        row.save()


def get_twice_and_query(**characteristics: Any) -> None:
    with atomic(**characteristics):
        Record.objects.get(pk=1)
        Record.objects.get(pk=1)
        list(Record.objects.filter(n=3))


def get_locked_and_create() -> None:
    with transaction.atomic():
        Record.objects.select_for_update().get(pk=1)
        Record.objects.create(n=1)


def create_two_kinds() -> None:
    with transaction.atomic():
        Record.objects.create(n=1)
        Account.objects.create(email="new", handle="new")
        with transaction.atomic():
            Record.objects.create(n=2)


def update_and_read() -> None:
    with transaction.atomic():
        Record.objects.filter(pk=1).update(n=F("n") + 1)
        list(Record.objects.filter(n=3))


def commits(groups: int) -> tuple[str, ...]:
    return (COMMIT,) * -(-groups // 25)


OPERATIONS = (
    Operation("`create(...)`, two unique fields", lambda: lambda: Account.objects.create(email="n", handle="n"), (COMMIT,), (COMMIT,)),
    Operation(
        "`create(...)` of a multi-table child, a unique field in each table",
        lambda: lambda: Cafe.objects.create(name="n", code=1),
        (COMMIT,),
        (COMMIT,),
    ),
    Operation("`obj.save()`, its unique values as they were", lambda: save(note="x"), (LOOKUP, COMMIT), (LOOKUP, COMMIT)),
    Operation("`obj.save()` that changes a unique value", lambda: save(email="x"), (LOOKUP, COMMIT), (LOOKUP, COMMIT)),
    Operation(
        "`update(...)` of a field that is not unique, by key",
        lambda: lambda: Account.objects.filter(pk=1).update(note="x"),
        (COMMIT,),
        (LOOKUP, COMMIT),
    ),
    Operation("`obj.delete()`, two unique fields", lambda: Tag.objects.get(pk=1).delete, (LOOKUP, COMMIT), (LOOKUP, COMMIT)),
    Operation(
        "`filter(...).delete()`, 100 rows of two unique fields",
        lambda: Tag.objects.filter(order__gt=0).delete,
        (QUERY, COMMIT),
        (QUERY, LOOKUP, *(COMMIT,) * 16),
    ),
    Operation(
        "`bulk_create([100 rows])`, two unique fields", lambda: lambda: Tag.objects.bulk_create(tags(100)), (COMMIT,), (COMMIT,) * 16
    ),
    Operation(
        "`get_or_create(...)` that creates, by a unique field",
        lambda: lambda: Account.objects.get_or_create(email="n", defaults={"handle": "n"}),
        (QUERY, LOOKUP, COMMIT),
        (QUERY, LOOKUP, COMMIT),
    ),
    Operation("`get_or_create(...)` that finds", lambda: lambda: Account.objects.get_or_create(email="email 1"), (QUERY,), (QUERY,)),
    Operation(
        "`update_or_create(...)` of a row by key",
        lambda: lambda: Record.objects.update_or_create(pk=1, defaults={"n": 5}),
        (LOOKUP, COMMIT),
        (LOOKUP, COMMIT),
    ),
    Operation(
        "`bulk_create([500 rows])`", lambda: lambda: Record.objects.bulk_create([Record(n=n) for n in range(500)]), (COMMIT,), commits(500)
    ),
    Operation(
        "`bulk_update([100 rows], [...])`",
        lambda: (lambda rows: lambda: Record.objects.bulk_update(rows, ["name"]))(hundred()),
        (LOOKUP, COMMIT),
        (LOOKUP, *commits(100)),
    ),
    Operation("a block without a statement", lambda: nothing, (), ()),
    Operation("a block: get, save", lambda: get_and_save, (LOOKUP, COMMIT), (LOOKUP, COMMIT)),
    Operation(
        "a serializable block: get, save",
        lambda: lambda: get_and_save(isolation="serializable"),
        (BEGIN, LOOKUP, COMMIT),
        (BEGIN, LOOKUP, COMMIT),
    ),
    Operation(
        "a read-only block: get, get again, query", lambda: lambda: get_twice_and_query(read_only=True), (LOOKUP, QUERY), (LOOKUP, QUERY)
    ),
    Operation("a block that reads only: get, get again, query", lambda: get_twice_and_query, (LOOKUP, QUERY), (LOOKUP, QUERY)),
    Operation("a block: get by `select_for_update()`, create", lambda: get_locked_and_create, (LOOKUP, COMMIT), (LOOKUP, COMMIT)),
    Operation("a block: three rows created, one of them in a nested block", lambda: create_two_kinds, (LOOKUP, COMMIT), (LOOKUP, COMMIT)),
    Operation(
        "a block: `update(f=F(f) + 1)` by key, then a query of the kind",
        lambda: update_and_read,
        (LOOKUP, QUERY, COMMIT),
        (LOOKUP, QUERY, COMMIT),
    ),
)


def table() -> str:
    """Return the table of the documentation."""
    lines = ["| operation | memory, Firestore in Datastore mode | Datastore |", "|---|---|---|"]
    lines += [f"| {each.name} | {described(each.rich)} | {described(each.legacy)} |" for each in OPERATIONS]
    return "\n".join(lines)


def described(methods: tuple[str, ...]) -> str:
    """Return RPCs as text: their number, and each with how often it is sent in a row."""
    if not methods:
        return "0"
    groups = [(name, len(list(group))) for name, group in groupby(methods)]
    return f"{len(methods)}: {', '.join(name if times == 1 else f'{times} {name}' for name, times in groups)}"
