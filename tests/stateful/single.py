"""What a program does with single rows."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import IntegrityError
from django.db.models import F
from ledger.models import Entry

from .conditions import Condition
from .ledger import Ledger, Row, no_rows_saved
from .operations import Values, drawn, instance, one, row_of


class Create(NamedTuple):
    pk: int | None
    values: Values

    def on_store(self) -> Any:
        return row_of(Entry.objects.create(pk=self.pk, **self.values))

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        row = Row(drawn(answer) if self.pk is None else self.pk, **self.values)
        with ledger.marking():
            ledger.write({row.pk: row}, [row.pk])
        ledger.draw([row.pk] if self.pk is None else [])
        return row


class Save(NamedTuple):
    """Saves an instance that was not read: an update of its row, else an insert. With `fields` only an update, of these."""

    pk: int
    values: Values
    fields: tuple[str, ...] | None = None

    def on_store(self) -> Any:
        instance(self.pk, self.values).save(update_fields=self.fields)

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with ledger.marking():
            before = ledger.read().get(self.pk)
            if before is None and self.fields is not None:
                ledger.write({})
                raise no_rows_saved()
            values = {name: value for name, value in self.values.items() if self.fields is None or name in self.fields}
            if before is None:
                ledger.write({self.pk: Row(self.pk, **values)}, [self.pk])
            elif values:
                ledger.write({self.pk: before._replace(**values)})


class Change(NamedTuple):
    """Reads a row, changes it and saves it."""

    pk: int
    values: Values

    def on_store(self) -> Any:
        entry = Entry.objects.get(pk=self.pk)
        for name, value in self.values.items():
            setattr(entry, name, value)
        entry.save()
        return row_of(entry)

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        before = one(ledger, Condition((("pk", self.pk, False),)))
        row = before._replace(**self.values)
        with ledger.marking():
            ledger.write({self.pk: row})
        return row


class Increase(NamedTuple):
    """Saves an instance with an expression as a value."""

    pk: int
    amount: int

    def on_store(self) -> Any:
        Entry(pk=self.pk, n=F("n") + self.amount).save(update_fields=["n"])

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with ledger.marking():
            before = ledger.read().get(self.pk)
            ledger.write({} if before is None else {self.pk: before._replace(n=before.n + self.amount)})
            if before is None:
                raise no_rows_saved()


class Delete(NamedTuple):
    pk: int

    def on_store(self) -> Any:
        return Entry(pk=self.pk).delete()[0]

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with ledger.marking():
            found = [row for row in ledger.read().values() if row.pk == self.pk]
            ledger.write({row.pk: None for row in found})
        return len(found)


class GetOrCreate(NamedTuple):
    lookup: Values
    defaults: Values

    def on_store(self) -> Any:
        entry, created = Entry.objects.get_or_create(defaults=self.defaults, **self.lookup)
        return row_of(entry), created

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        return get_or_create(ledger, self.lookup, self.defaults, answer)


def get_or_create(ledger: Ledger, lookup: Values, defaults: Values, answer: Any, *, locks: bool = False) -> tuple[Row, bool]:
    condition = Condition(tuple((name, value, False) for name, value in lookup.items()))
    try:
        return one(ledger, condition, locks=locks), False
    except Entry.DoesNotExist:
        pass
    values = {**lookup, **defaults}
    key = values.pop("pk", None)
    row = Row(key if key is not None else drawn(answer[0]) if isinstance(answer, tuple) else -1, **values)
    try:
        with ledger.atomic(), ledger.marking():
            ledger.write({row.pk: row}, [row.pk])
            ledger.draw([row.pk] if key is None else [])
    except IntegrityError:
        try:
            return one(ledger, condition, locks=locks), False
        except Entry.DoesNotExist:
            pass
        raise
    return row, True


class UpdateOrCreate(NamedTuple):
    lookup: Values
    defaults: Values

    def on_store(self) -> Any:
        entry, created = Entry.objects.update_or_create(defaults=self.defaults, **self.lookup)
        return row_of(entry), created

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        with ledger.atomic():
            row, created = get_or_create(ledger, self.lookup, self.defaults, answer, locks=True)
            if created:
                return row, True
            changed = row._replace(**self.defaults)
            with ledger.marking():
                ledger.write({row.pk: changed} if self.defaults else {})
        return changed, False
