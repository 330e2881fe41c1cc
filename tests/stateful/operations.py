"""What a program reads: each operation as Django's ORM does it and as the ledger does it, with answers that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple, Protocol

from django.db import NotSupportedError, connection
from django.db.models import F, Max, Min, Sum
from django.db.transaction import TransactionManagementError
from ledger.models import Entry

from .conditions import Condition, ordered
from .ledger import FIELDS, Ledger, Row

Values = Mapping[str, Any]


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


def drawn(answer: Any) -> int:
    return answer.pk if isinstance(answer, Row) else -1


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


def delete_many(ledger: Ledger, find: Callable[[dict[int, Row]], list[Row]]) -> int:
    with ledger.atomic(savepoint=False):
        found = find(ledger.read())
        ledger.write({row.pk: None for row in found})
    return len(found)


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
