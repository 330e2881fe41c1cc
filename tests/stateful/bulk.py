"""What a program does with many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import django
from django.db import IntegrityError
from django.db.models import F
from ledger.models import Entry

from .conditions import Condition, ordered
from .ledger import Ledger, Row
from .operations import Values, all_rows, content, delete_many, instance, row_of

EXPRESSIONS: dict[str, tuple[Any, Any]] = {
    "n + 1": (F("n") + 1, lambda row: row.n + 1),
    "n - 2": (F("n") - 2, lambda row: row.n - 2),
    "number + 1": (F("number") + 1, lambda row: row.number + 1),
    "1 - number": (1 - F("number"), lambda row: 1 - row.number),
    "slot": (F("slot"), lambda row: row.slot),
    "bank": (F("bank"), lambda row: row.bank),
    "bank + 1": (F("bank") + 1, lambda row: None if row.bank is None else row.bank + 1),
}


class Update(NamedTuple):
    """update(), with values and with expressions of EXPRESSIONS."""

    condition: Condition
    values: Values
    computed: Mapping[str, str] = {}

    def on_store(self) -> Any:
        values = {**self.values, **{name: EXPRESSIONS[text][0] for name, text in self.computed.items()}}
        return Entry.objects.filter(self.condition.q).update(**values)

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with ledger.marking():
            found = self.condition.found(ledger.read())
            ledger.write({row.pk: self._after(row) for row in found})
        return len(found)

    def _after(self, row: Row) -> Row:
        return row._replace(**self.values, **{name: EXPRESSIONS[text][1](row) for name, text in self.computed.items()})


class DeleteMany(NamedTuple):
    condition: Condition

    def on_store(self) -> Any:
        return Entry.objects.filter(self.condition.q).delete()[0]

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        return delete_many(ledger, self.condition.found)


class BulkCreate(NamedTuple):
    rows: tuple[tuple[int | None, Values], ...]

    def on_store(self) -> Any:
        return [row_of(entry) for entry in Entry.objects.bulk_create([instance(pk, values) for pk, values in self.rows])]

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        ids = [row.pk for row in answer] if isinstance(answer, list) else [-at - 1 for at in range(len(self.rows))]
        made = [Row(at if pk is None else pk, **values) for at, (pk, values) in zip(ids, self.rows, strict=True)]
        with inserting(ledger, [pk for pk, _ in self.rows]):
            for with_key in (True, False):  # Django inserts those with a primary key first
                rows = [row for row, (pk, _) in zip(made, self.rows, strict=True) if (pk is not None) is with_key]
                insert(ledger, rows)
            ledger.draw([row.pk for row, (pk, _) in zip(made, self.rows, strict=True) if pk is None])
        return made


def inserting(ledger: Ledger, keys: Sequence[int | None]) -> AbstractContextManager[None]:
    """Surround bulk_create() as Django does: since 6.0 only what takes two statements, so that one that fails breaks no block."""
    if django.VERSION >= (6, 0) and len({key is None for key in keys}) == 1:
        return nullcontext()
    return ledger.atomic(savepoint=False)


def insert(ledger: Ledger, rows: Sequence[Row]) -> None:
    if not rows:
        return
    ledger.check_usable()
    if len({row.pk for row in rows}) < len(rows):
        raise IntegrityError("primary key")
    ledger.write({row.pk: row for row in rows}, [row.pk for row in rows])


class BulkCreateIgnoring(NamedTuple):
    """Rows that conflict with others, stored or of the batch, are passed over."""

    rows: tuple[tuple[int | None, Values], ...]

    def on_store(self) -> Any:
        Entry.objects.bulk_create([instance(pk, values) for pk, values in self.rows], ignore_conflicts=True)
        return all_rows()

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with inserting(ledger, [pk for pk, _ in self.rows]):
            for with_key in (True, False):
                added: dict[int, Row] = {}
                for at, (pk, values) in enumerate(self.rows):
                    row = Row(-at - 1 if pk is None else pk, **values)
                    others = {**ledger.read(), **added}
                    if (
                        (pk is not None) is with_key
                        and pk not in others
                        and not any(row.claims & other.claims for other in others.values())
                    ):
                        row = row if pk is not None else row._replace(pk=found_id(row, answer, others))
                        added[row.pk] = row
                ledger.write(added, added)
                ledger.draw([] if with_key else added)
        return ordered(list(ledger.read().values()), ["pk"])


def found_id(row: Row, answer: Any, known: Iterable[int]) -> int:
    """Return the id that the store has given a row that it does not tell of."""
    rows = answer if isinstance(answer, list) else []
    return next((each.pk for each in rows if each.pk not in known and content(each) == content(row)), row.pk)


class BulkUpsert(NamedTuple):
    """bulk_create(update_conflicts=True): a row whose name is taken updates the one that has it."""

    rows: tuple[Values, ...]
    fields: tuple[str, ...]

    def on_store(self) -> Any:
        entries = [instance(None, values) for values in self.rows]
        Entry.objects.bulk_create(entries, update_conflicts=True, unique_fields=["name"], update_fields=self.fields)
        return all_rows()

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with inserting(ledger, [None]):
            before = ledger.read()
            after = dict(before)
            for at, values in enumerate(self.rows):
                row = Row(-at - 1, **values)
                taken = next((each for each in after.values() if row.name is not None and each.name == row.name), None)
                if taken is None:
                    after[row.pk] = row
                else:
                    after[taken.pk] = taken._replace(**{name: values[name] for name in self.fields})
            changes = {}
            for pk, row in after.items():
                if pk not in before:
                    row = row._replace(pk=found_id(row, answer, [*before, *changes]))
                if before.get(pk) is not row:
                    changes[row.pk] = row
            added = [pk for pk in changes if pk not in before]
            ledger.write(changes, added)
            ledger.draw(added)
        return ordered(list(ledger.read().values()), ["pk"])


class BulkUpdate(NamedTuple):
    rows: tuple[tuple[int, Values], ...]
    fields: tuple[str, ...]

    def on_store(self) -> Any:
        return Entry.objects.bulk_update([instance(pk, values) for pk, values in self.rows], self.fields)

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with ledger.atomic(savepoint=False):
            rows = ledger.read()
            changes = {pk: rows[pk]._replace(**{name: values[name] for name in self.fields}) for pk, values in self.rows if pk in rows}
            ledger.write(changes)
        return len(changes)


class Swap(NamedTuple):
    """Two rows exchange unique values, in one statement."""

    first: int
    second: int
    fields: tuple[str, ...]

    def on_store(self) -> Any:
        entries = Entry.objects.in_bulk([self.first, self.second])
        if len(entries) < 2:
            return None
        one, other = entries.values()
        for name in self.fields:
            mine, its = getattr(one, name), getattr(other, name)
            setattr(one, name, its)
            setattr(other, name, mine)
        return Entry.objects.bulk_update([one, other], self.fields)

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        rows = ledger.read()
        if self.first == self.second or self.first not in rows or self.second not in rows:
            return None
        one, other = rows[self.first], rows[self.second]
        with ledger.atomic(savepoint=False):
            ledger.write(
                {
                    one.pk: one._replace(**{name: getattr(other, name) for name in self.fields}),
                    other.pk: other._replace(**{name: getattr(one, name) for name in self.fields}),
                }
            )
        return 2
