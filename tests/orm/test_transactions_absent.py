"""Without the transactions plugin `atomic` only puts statements one after the other; each statement's commit is atomic by itself."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from records.models import Author, Record

from kindstore.core.warnings import EmulatedQueryWarning, NoTransactionsWarning
from kindstore.testing import capture_rpcs, connection_with

pytestmark = pytest.mark.filterwarnings("ignore::kindstore.core.warnings.NoTransactionsWarning")


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


def warned(action: Any, times: int = 1) -> list[warnings.WarningMessage]:
    """Return the warnings of an action that is done some times, with Python's default of one for each place."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(times):
            action()
    return [warning for warning in caught if warning.category is NoTransactionsWarning]


class TestWarning:
    def test_it_names_the_line_that_opened_the_block(self) -> None:
        def open_block() -> None:
            with transaction.atomic():
                pass

        (warning,) = warned(open_block)
        assert (warning.filename, warning.lineno) == (__file__, open_block.__code__.co_firstlineno + 1)
        assert "Add 'transactions' to PLUGINS of DATABASES['default']" in str(warning.message)

    def test_it_is_issued_once_for_each_place(self) -> None:
        def open_one() -> None:
            with transaction.atomic():
                pass

        def open_another() -> None:
            with transaction.atomic():
                pass

        assert len(warned(open_one, times=3)) == 1
        assert len(warned(open_another, times=3)) == 1

    def test_a_decorated_function_is_the_place(self) -> None:
        @transaction.atomic
        def decorated() -> None:
            """Do nothing."""

        (warning,) = warned(decorated, times=2)
        assert (warning.filename, warning.lineno) == (__file__, decorated.__wrapped__.__code__.co_firstlineno)

    def test_nested_blocks_are_not_told(self) -> None:
        def open_two() -> None:
            with transaction.atomic(), transaction.atomic():
                pass

        assert len(warned(open_two)) == 1

    @pytest.mark.parametrize(
        "action",
        [
            lambda: Record.objects.bulk_create([Record(pk=1), Record(pk=2)]),
            lambda: Record.objects.bulk_update([Record(pk=1, n=1)], ["n"]),
            lambda: Author.objects.create(pk=1).delete(),
            lambda: Record.objects.get_or_create(pk=7),
            lambda: Record.objects.update_or_create(pk=7, defaults={"n": 1}),
            lambda: Record.objects.all().delete(),
            lambda: Record(pk=9).save(),
        ],
        ids=["bulk_create", "bulk_update", "delete", "get_or_create", "update_or_create", "delete of a query", "save"],
    )
    def test_a_block_of_djangos_own_is_none_of_the_projects_business(self, action: Any) -> None:
        assert warned(action) == []

    def test_with_a_manager_of_transactions_nobody_is_told(self) -> None:
        def open_block() -> None:
            with transaction.atomic(using=other.alias):
                pass

        with connection_with(["transactions"]) as other:
            assert warned(open_block) == []
