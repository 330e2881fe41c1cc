"""Saving, updating and deleting: exact counts, optimistic retries, and nobody's change is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.db.models import Case, F, Value, When
from django.db.utils import DataError, NotSupportedError, OperationalError
from records.models import Author, EveryField, Nullable, Record

from kindstore.core.datamodel import ENTITY, Column, Entity, Key, Mutation, Shape, Verb
from kindstore.core.datamodel.errors import VersionConflict
from kindstore.core.session import contention
from kindstore.testing import capture_rpcs


@pytest.fixture
def five() -> None:
    Record.objects.bulk_create(Record(pk=n, n=n, m=n if n % 2 else None, name=f"row {n}") for n in range(1, 6))


@pytest.fixture
def interfering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that lets something happen before the next commits, as if somebody else were faster."""
    session = connection.session
    commit = session.store._commit
    waiting: list[Callable[[], Any]] = []

    def commit_after(mutations: Any, transaction: Any) -> Any:
        if waiting and any(mutation.base_version is not None for mutation in mutations):
            waiting.pop(0)()
        return commit(mutations, transaction)

    monkeypatch.setattr(session.store, "_commit", commit_after)
    monkeypatch.setattr(contention.time, "sleep", lambda _seconds: None)
    yield lambda *happening: waiting.extend(happening)
    assert not waiting


def overwrite(pk: int, **values: Any) -> Callable[[], Any]:
    return lambda: Record.objects.filter(pk=pk).update(**values)


def test_save_writes_every_column_and_keeps_what_others_added() -> None:
    row = Record.objects.create(pk=1, n=1)
    session = connection.session
    key = Key((("records_record", 1),), session.namespace())
    ((entity,),) = session.lookup([key], Shape((Column(ENTITY),)))
    session.store.commit([Mutation(Verb.UPSERT, key, Entity(key, {**entity.properties, "theirs": 5}))])
    row.n = 2
    row.save()
    ((entity,),) = session.lookup([key], Shape((Column(ENTITY),)))
    assert (entity.properties["n"], entity.properties["theirs"]) == (2, 5)


def test_save_of_chosen_fields_leaves_the_others() -> None:
    row = Record.objects.create(pk=1, n=1, name="old")
    Record.objects.filter(pk=1).update(name="new")
    row.n = 2
    row.save(update_fields=["n"])
    assert Record.objects.values_list("n", "name").get() == (2, "new")


def test_saving_a_deleted_row_inserts_it_again() -> None:
    row = Record.objects.create(pk=1, n=1)
    Record.objects.all().delete()
    row.save()
    assert Record.objects.get().n == 1


def test_forcing_the_update_of_a_deleted_row_is_an_error() -> None:
    row = Record.objects.create(pk=1)
    Record.objects.all().delete()
    with pytest.raises(DatabaseError, match="did not affect any rows"):
        row.save(force_update=True)
    with pytest.raises(DatabaseError, match="did not affect any rows"):
        row.save(update_fields=["n"])


@pytest.mark.usefixtures("five")
def test_update_counts_what_it_matched() -> None:
    assert Record.objects.update(n=7) == 5
    assert Record.objects.filter(pk=3).update(n=8) == 1
    assert Record.objects.filter(pk=99).update(n=8) == 0
    assert Record.objects.filter(pk__in=[1, 2, 99]).update(n=8) == 2
    assert Record.objects.filter(n=77).update(n=8) == 0
    assert Record.objects.filter(pk__in=[]).update(n=8) == 0
    assert Record.objects.filter(pk=1, n=8).update(name="both") == 1
    assert Record.objects.filter(pk=1, n=9).update(name="neither") == 0
    assert Record.objects.get(pk=1).name == "both"


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (F("n") + 1, [2, 3, 4, 5, 6]),
        (F("n") - 1, [0, 1, 2, 3, 4]),
        (F("n") * 2 + 1, [3, 5, 7, 9, 11]),
        (1 - F("n"), [0, -1, -2, -3, -4]),
        (F("n") * F("n"), [1, 4, 9, 16, 25]),
        (F("m"), [1, None, 3, None, 5]),
        (F("m") + 1, [2, None, 4, None, 6]),
        (Value(9), [9, 9, 9, 9, 9]),
        (Case(When(pk=2, then=Value(50)), default=F("n")), [1, 50, 3, 4, 5]),
    ],
    ids=str,
)
def test_update_computes_expressions(expression: Any, found: list[int | None]) -> None:
    assert Record.objects.update(m=expression) == 5
    assert list(Record.objects.order_by("pk").values_list("m", flat=True)) == found


@pytest.mark.usefixtures("five")
def test_all_expressions_of_an_update_see_the_row_as_it_was() -> None:
    Record.objects.filter(pk=3).update(n=F("m") + 10, m=F("n") + 20)
    assert Record.objects.values_list("n", "m").get(pk=3) == (13, 23)


def test_expressions_of_decimals_and_dates() -> None:
    Nullable.objects.create(price=Decimal("1.5"), real=0.5)
    Nullable.objects.update(price=F("price") * Decimal("-2"), real=F("real") + 0.25)
    row = Nullable.objects.get()
    assert (row.price, row.real) == (Decimal("-3.000"), 0.75)


def test_an_expression_that_needs_sql_names_the_plugin() -> None:
    Nullable.objects.create(at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    with pytest.raises(NotSupportedError, match="'relational'"):
        Nullable.objects.update(at=F("at") + dt.timedelta(days=1))


@pytest.mark.usefixtures("five")
def test_save_computes_expressions() -> None:
    row = Record.objects.get(pk=3)
    Record.objects.filter(pk=3).update(n=100)
    row.n = F("n") + 1
    row.save()
    row.refresh_from_db()
    assert row.n == 101


def test_an_increment_of_null_is_null() -> None:
    row = Record.objects.create(m=None)
    Record.objects.filter(pk=row.pk).update(m=F("m") + 1)
    row.refresh_from_db()
    assert row.m is None


def test_the_first_of_two_choices_for_a_row_counts() -> None:
    Record.objects.create(pk=1)
    Record.objects.update(m=Case(When(pk=1, then=10), When(pk=1, then=20)))
    assert Record.objects.get().m == 10
    Record.objects.bulk_update([Record(pk=1, n=1), Record(pk=1, n=2)], ["n"])
    assert Record.objects.get().n == 1


@pytest.mark.usefixtures("five")
def test_a_foreign_key_is_updated_by_an_instance() -> None:
    author = Author.objects.create()
    assert Record.objects.filter(n__gt=3).update(author=author) == 2
    assert author.record_set.count() == 2


@pytest.mark.usefixtures("five")
def test_delete_counts_what_it_deleted() -> None:
    assert Record.objects.filter(n__gt=3).delete() == (2, {"records.Record": 2})
    assert Record.objects.filter(n__gt=3).delete()[0] == 0
    row = Record.objects.get(pk=1)
    assert row.delete() == (1, {"records.Record": 1})
    assert Record.objects.filter(pk=1).delete()[0] == 0
    assert Record.objects.count() == 2


@pytest.mark.usefixtures("five")
def test_an_update_that_conflicts_is_tried_again_with_what_is_there_now(interfering: Any) -> None:
    interfering(overwrite(2, n=100))
    with capture_rpcs() as rpcs:
        assert Record.objects.filter(m=None).update(n=F("n") + 1, name="done") == 2
    assert {row.pk: row.n for row in Record.objects.filter(name="done")} == {2: 101, 4: 5}
    assert rpcs.methods.count("Lookup") == (1 if connection.session.capabilities.property_masks else 2)


@pytest.mark.usefixtures("five")
def test_a_row_that_no_longer_matches_is_left_alone(interfering: Any) -> None:
    interfering(overwrite(2, m=1))
    assert Record.objects.filter(m=None).update(n=F("n") + 1) == 1
    assert list(Record.objects.filter(pk__in=[2, 4]).order_by("pk").values_list("n", flat=True)) == [2, 5]


@pytest.mark.usefixtures("five")
def test_a_row_that_was_deleted_meanwhile_is_not_counted(interfering: Any) -> None:
    interfering(lambda: Record.objects.get(pk=2).delete())
    assert Record.objects.filter(m=None).update(n=0) == 1
    assert not Record.objects.filter(pk=2).exists()


@pytest.mark.usefixtures("five")
def test_a_delete_that_conflicts_spares_what_no_longer_matches(interfering: Any) -> None:
    interfering(overwrite(2, m=1), overwrite(4, n=44))
    assert Record.objects.filter(m=None).delete()[0] == 1
    assert sorted(Record.objects.values_list("pk", flat=True)) == [1, 2, 3, 5]


@pytest.mark.usefixtures("five")
def test_a_statement_that_always_conflicts_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_arguments: Any) -> Any:
        raise VersionConflict("The entity has changed.")

    monkeypatch.setattr(contention.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(connection.session.store, "_commit", conflict)
    with pytest.raises(OperationalError, match="has changed"):
        Record.objects.filter(n__gt=1).update(n=F("n") + 1)


@pytest.mark.parametrize("field", ["n", "m"], ids=["by the store", "by reading first"])
def test_concurrent_increments_are_all_counted(field: str, django_db_blocker: Any) -> None:
    Record.objects.create(pk=1, n=0, m=0)
    threads, times = (8, 10) if connection.session.capabilities.property_masks else (4, 5)

    def increment() -> int:
        with django_db_blocker.unblock():
            try:
                return sum(Record.objects.filter(pk=1).update(**{field: F(field) + 1}) for _ in range(times))
            finally:
                connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        counted = sum(future.result() for future in [pool.submit(increment) for _ in range(threads)])
    assert counted == getattr(Record.objects.get(), field) == threads * times


def test_concurrent_updates_of_other_columns_are_not_lost(django_db_blocker: Any) -> None:
    Record.objects.create(pk=1)

    def write(column: str, value: Any) -> None:
        with django_db_blocker.unblock():
            try:
                Record.objects.filter(pk=1).update(**{column: value})
            finally:
                connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(write, "n", 5), pool.submit(write, "m", 6), pool.submit(write, "name", "x")]:
            future.result()
    assert Record.objects.values_list("n", "m", "name").get() == (5, 6, "x")


def test_an_increment_beyond_64_bits_of_a_big_integer_writes_nothing() -> None:
    row = EveryField.objects.create(big=2**63 - 3)
    with pytest.raises(DataError, match=r"EveryField\.big"):
        EveryField.objects.filter(pk=row.pk).update(big=F("big") + 5)
    assert EveryField.objects.get().big == 2**63 - 3
