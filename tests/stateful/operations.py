"""What a program does with rows: each operation as Django's ORM does it and as the ledger does it, with answers that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import django
from django.db import IntegrityError, NotSupportedError, connection
from django.db.models import F, Max, Min, Sum
from django.db.transaction import TransactionManagementError
from ledger.models import Entry

from .conditions import Condition, ordered
from .ledger import FIELDS, Ledger, Row, no_rows_saved

Values = Mapping[str, Any]
EXPRESSIONS: dict[str, tuple[Any, Any]] = {
    "n + 1": (F("n") + 1, lambda row: row.n + 1),
    "n - 2": (F("n") - 2, lambda row: row.n - 2),
    "number + 1": (F("number") + 1, lambda row: row.number + 1),
    "1 - number": (1 - F("number"), lambda row: 1 - row.number),
    "slot": (F("slot"), lambda row: row.slot),
    "bank": (F("bank"), lambda row: row.bank),
    "bank + 1": (F("bank") + 1, lambda row: None if row.bank is None else row.bank + 1),
}


class Operation(Protocol):
    """Returns its answer, which is the same for both; `answer` is the store's, for the ids that it has drawn."""

    def on_store(self) -> Any: ...

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any: ...


def row_of(entry: Entry) -> Row:
    return Row(entry.pk, *(getattr(entry, name) for name in FIELDS))


def instance(pk: int | None, values: Values) -> Entry:
    return Entry(pk=pk, **values)


def all_rows() -> list[Row]:
    return [row_of(entry) for entry in Entry.objects.order_by("pk")]


def content(row: Row) -> tuple[Any, ...]:
    return row[1:]


# Reading


class Get(NamedTuple):
    condition: Condition

    def on_store(self) -> Any:
        return row_of(Entry.objects.get(self.condition.q))

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        return one(ledger, self.condition)


def one(ledger: Ledger, condition: Condition, *, locks: bool = False) -> Row:
    found = condition.found(ledger.read())
    if locks:
        ledger.lock([row.pk for row in found])
    if not found:
        raise Entry.DoesNotExist
    if len(found) > 1:
        raise Entry.MultipleObjectsReturned
    return found[0]


class Find(NamedTuple):
    """Reads rows, as objects, tuples or keys, all or a slice of them."""

    condition: Condition
    order: tuple[str, ...] = ()
    offset: int = 0
    limit: int | None = None
    how: str = "objects"

    def on_store(self) -> Any:
        found = Entry.objects.filter(self.condition.q).order_by(*self.order)[self.offset : self._stop]
        if self.how == "objects":
            return [row_of(entry) for entry in found]
        if self.how == "tuples":
            return [Row(*values) for values in found.values_list("pk", *FIELDS)]
        if self.how == "iterator":
            return [row_of(entry) for entry in found.iterator(chunk_size=1)]
        if self.how == "count":
            return found.count()
        if self.how == "exists":
            return found.exists()
        return list(found.values_list("pk", flat=True))

    @property
    def _stop(self) -> int | None:
        return None if self.limit is None else self.offset + self.limit

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        found = ordered(self.condition.found(ledger.read()), self.order or ("pk",))[self.offset : self._stop]
        if self.how == "count":
            return len(found)
        if self.how == "exists":
            return bool(found)
        return [row.pk for row in found] if self.how == "keys" else found


class Total(NamedTuple):
    """Aggregates. Sums of some rows are the residual engine's, which is not there."""

    condition: Condition
    function: str

    def on_store(self) -> Any:
        function = {"sum": Sum, "min": Min, "max": Max}[self.function]
        try:
            return Entry.objects.filter(self.condition.q).aggregate(total=function("n"))["total"]
        except NotSupportedError as error:
            if self.function != "sum" or "relational" not in str(error):
                raise
            return ...

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        if answer is ...:
            return answer
        found = [row.n for row in self.condition.found(ledger.read())]
        return {"sum": sum, "min": min, "max": max}[self.function](found) if found else None


class Computed(NamedTuple):
    """Finds, counts, changes or deletes rows by a value that the residual engine computes, where it is there, else by n."""

    condition: Condition
    least: int
    how: str

    def on_store(self) -> Any:
        sums = connection.session.engine is not None
        found = Entry.objects.filter(self.condition.q).annotate(computed=F("n") + F("number") if sums else F("n"))
        found = found.filter(computed__gte=self.least)
        if self.how == "update":
            return found.update(n=F("n") + F("number"), active=False)
        if self.how == "delete":
            return found.delete()[0]
        return found.count() if self.how == "count" else sorted(map(row_of, found))

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        if self.how == "delete":
            return delete_many(ledger, self._found)
        with ledger.marking() if self.how == "update" else nullcontext():
            found = self._found(ledger.read())
            if self.how == "update":
                ledger.write({row.pk: row._replace(n=row.n + row.number, active=False) for row in found})
        return sorted(found) if self.how == "rows" else len(found)

    def _found(self, rows: dict[int, Row]) -> list[Row]:
        sums = connection.session.engine is not None
        return [row for row in self.condition.found(rows) if row.n + (row.number if sums else 0) >= self.least]


class Distinct(NamedTuple):
    condition: Condition
    name: str
    descending: bool = False
    limit: int | None = None

    def on_store(self) -> Any:
        found = Entry.objects.filter(self.condition.q).order_by("-" + self.name if self.descending else self.name)
        return list(found.values_list(self.name, flat=True).distinct()[: self.limit])

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        found = ordered(self.condition.found(ledger.read()), ["-" + self.name if self.descending else self.name])
        return list(dict.fromkeys(getattr(row, self.name) for row in found))[: self.limit]


class Lock(NamedTuple):
    """select_for_update()."""

    condition: Condition

    def on_store(self) -> Any:
        return [row_of(entry) for entry in Entry.objects.select_for_update().filter(self.condition.q).order_by("pk")]

    def on_ledger(self, ledger: Ledger, answer: Any) -> Any:
        ledger.check_usable()
        if ledger.open is None:
            raise TransactionManagementError("outside of a block")
        found = ordered(self.condition.found(ledger.read()), ["pk"])
        ledger.lock([row.pk for row in found], self.condition.keys)
        return found


# Writing single rows


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


def drawn(answer: Any) -> int:
    return answer.pk if isinstance(answer, Row) else -1


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


# Writing many rows


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


def delete_many(ledger: Ledger, find: Callable[[dict[int, Row]], list[Row]]) -> int:
    with ledger.atomic(savepoint=False):
        found = find(ledger.read())
        ledger.write({row.pk: None for row in found})
    return len(found)


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


# Reading and writing


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
