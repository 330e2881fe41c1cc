"""Without the transactions plugin `atomic` only puts statements one after the other; each statement's commit is atomic by itself."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from records.models import Record

from kindstore.core.warnings import EmulatedQueryWarning
from kindstore.testing import capture_rpcs, connection_with


def test_the_features_say_that_there_are_no_transactions() -> None:
    assert connection.features.supports_transactions is False
    assert connection.features.uses_savepoints is False


def test_atomic_sends_nothing_of_its_own() -> None:
    with capture_rpcs() as rpcs, transaction.atomic():
        Record.objects.create(pk=1)
        with transaction.atomic():
            assert Record.objects.get().pk == 1
    assert rpcs.methods == ["Commit", "RunQuery"]


def test_an_exception_undoes_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        create_and_fail()
    assert Record.objects.count() == 1


@transaction.atomic
def create_and_fail() -> None:
    Record.objects.create(pk=1)
    raise ZeroDivisionError


def test_an_error_in_a_nested_block_leaves_the_outer_one_usable() -> None:
    Record.objects.create(pk=1)
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            Record.objects.create(pk=1)
        Record.objects.create(pk=2)
    assert Record.objects.count() == 2


def test_one_statement_writes_all_or_nothing() -> None:
    Record.objects.create(pk=3)
    with pytest.raises(IntegrityError):
        Record.objects.bulk_create([Record(pk=1), Record(pk=2), Record(pk=3)])
    assert [row.pk for row in Record.objects.all()] == [3]


def test_what_is_to_run_on_commit_runs() -> None:
    done: list[int] = []
    with transaction.atomic():
        transaction.on_commit(lambda: done.append(1))
        assert done == []
    assert done == [1]


def test_after_a_block_that_failed_the_outer_block_goes_on() -> None:
    with connection_with(["relational"]) as other, transaction.atomic(using=other.alias):
        with pytest.raises(ZeroDivisionError), transaction.atomic(using=other.alias):
            raise ZeroDivisionError
        with pytest.warns(EmulatedQueryWarning):
            assert not Record.objects.using(other.alias).filter(author__name="nobody").exists()
