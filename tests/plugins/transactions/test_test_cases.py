"""Django's test cases: TestCase rolls back what a test writes, TransactionTestCase empties the store."""

from __future__ import annotations

import unittest
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, TransactionTestCase
from records.models import Record

from kindstore.plugins.transactions import (
    PreventedReadError,
    TransactionFailedError,
    atomic,
    current_transaction,
    in_atomic_block,
    non_atomic,
)

from .blocks import Stop, savepoint_create


def run(case: type[unittest.TestCase]) -> unittest.TestResult:
    """Run the tests of a case, in the order of their names."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case)(result)
    return result


def passes(case: type[unittest.TestCase]) -> bool:
    """Tell whether the tests of a case pass; show why not."""
    result = run(case)
    assert "\n".join(text for _test, text in result.errors + result.failures) == ""
    return result.testsRun > 0


def names() -> list[str]:
    return list(Record.objects.order_by("name").values_list("name", flat=True))


# The cases are made in functions, so that pytest does not collect them.


def case_of_class_data() -> type[TestCase]:
    class Case(TestCase):
        row: ClassVar[Record]

        @classmethod
        def setUpTestData(cls) -> None:
            cls.row = Record.objects.create(name="class")

        def test_a(self) -> None:
            Record.objects.create(name="a")
            self.row.name = "changed"
            self.row.save()
            assert names() == ["a", "changed"]

        def test_b(self) -> None:
            assert names() == ["class"]
            assert self.row.name == "class"
            Record.objects.all().delete()
            assert names() == []

        def test_c(self) -> None:
            assert names() == ["class"]

    return Case


def test_the_data_of_the_class_are_there_for_each_test_and_gone_after_it() -> None:
    assert passes(case_of_class_data())
    assert names() == []


def test_a_test_case_commits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise AssertionError

    driver = connection.kindstore.driver
    monkeypatch.setattr(driver, "commit", refuse)
    monkeypatch.setattr(driver, "begin", refuse)
    assert passes(case_of_class_data())


def case_of_blocks() -> type[TestCase]:
    class Case(TestCase):
        def test_a_block_rolls_back(self) -> None:
            Record.objects.create(name="before")
            with suppress(Stop), transaction.atomic():
                Record.objects.create(name="inside")
                raise Stop
            assert names() == ["before"]

        def test_a_durable_block_is_allowed(self) -> None:
            with transaction.atomic(durable=True):
                Record.objects.create(name="one")
            assert names() == ["one"]

        def test_an_independent_block_commits_into_the_tests(self) -> None:
            with suppress(Stop), atomic():
                Record.objects.create(name="outer")
                with atomic(independent=True):
                    assert names() == []
                    Record.objects.create(name="independent")
                raise Stop
            assert names() == ["independent"]

        def test_non_atomic_writes_into_the_tests(self) -> None:
            with suppress(Stop), atomic():
                with non_atomic():
                    Record.objects.create(name="outside")
                raise Stop
            assert names() == ["outside"]

        def test_the_tests_own_transaction_is_none(self) -> None:
            assert not in_atomic_block()
            assert current_transaction() is None
            with atomic() as block:
                assert in_atomic_block()
                assert current_transaction() is block

        def test_a_serializable_block_and_a_read_only_one_work(self) -> None:
            with atomic(isolation="serializable"):
                row = Record.objects.create(name="one")
                assert Record.objects.get(pk=row.pk).name == "one"
            with atomic(read_only=True):
                assert Record.objects.get(pk=row.pk).name == "one"

        def test_rows_may_be_locked(self) -> None:
            Record.objects.create(name="one")
            with transaction.atomic():
                assert Record.objects.select_for_update().get().name == "one"

    return Case


def test_blocks_inside_a_test_case_behave_as_outside() -> None:
    assert passes(case_of_blocks())
    assert names() == []


def case_of_what_blocks_know() -> type[TestCase]:
    class Case(TestCase):
        row: ClassVar[Record]

        @classmethod
        def setUpTestData(cls) -> None:
            cls.row = Record.objects.create(name="class")

        def test_each_block_knows_what_it_has_read_and_written_itself(self) -> None:
            Record.objects.get(pk=self.row.pk)
            with atomic() as block:
                assert not block.has_been_read(self.row)
                assert not block.has_been_written(self.row)
                list(Record.objects.filter(name="class"))
                assert block.has_been_read(self.row)
                Record.objects.update(n=1)
                assert block.has_been_written(self.row)
            with atomic() as block:
                assert not block.has_been_read(self.row)
                assert not block.has_been_written(self.row)

        def test_a_row_is_refreshed_unless_it_was_read(self) -> None:
            Record.objects.update(name="changed")
            with atomic() as block:
                block.refresh_if_unread(self.row, prevent_further_reads=True)
                assert self.row.name == "changed"
                with pytest.raises(PreventedReadError):
                    Record.objects.get(pk=self.row.pk)
            assert Record.objects.get(pk=self.row.pk).name == "changed"

        def test_mandatory_needs_a_block(self) -> None:
            with pytest.raises(TransactionFailedError, match="mandatory"), atomic(mandatory=True):
                pass
            with atomic(), atomic(mandatory=True):
                Record.objects.create(name="inside")
            assert names() == ["class", "inside"]

        def test_a_read_only_block_refuses_to_write(self) -> None:
            with atomic(read_only=True), pytest.raises(transaction.TransactionManagementError, match="read-only"):
                Record.objects.bulk_create([Record(pk=99)])
            assert names() == ["class"]

    return Case


def test_blocks_inside_a_test_case_know_what_they_know_outside() -> None:
    assert passes(case_of_what_blocks_know())


def case_of_savepoints() -> type[TestCase]:
    class Case(TestCase):
        def test_one_may_go_back_to_a_savepoint_twice(self) -> None:
            savepoint = savepoint_create()
            Record.objects.create(name="one")
            transaction.savepoint_rollback(savepoint)
            assert names() == []
            Record.objects.create(name="two")
            transaction.savepoint_rollback(savepoint)
            assert names() == []

        def test_a_savepoint_is_committed(self) -> None:
            savepoint = savepoint_create()
            Record.objects.create(name="one")
            transaction.savepoint_commit(savepoint)
            assert names() == ["one"]

        def test_blocks_nest_as_deep_as_they_like(self) -> None:
            with transaction.atomic():
                Record.objects.create(name="1")
                with suppress(Stop), transaction.atomic():
                    Record.objects.create(name="2")
                    with transaction.atomic():
                        Record.objects.create(name="3")
                    raise Stop
                with transaction.atomic(), atomic(independent=True), atomic():
                    Record.objects.create(name="4")
                assert names() == ["1", "4"]
            assert names() == ["1", "4"]

        def test_a_key_that_is_taken_fails_at_the_statement(self) -> None:
            Record.objects.create(pk=1, name="first")
            with pytest.raises(IntegrityError), transaction.atomic():
                Record.objects.create(pk=1, name="second")
            with pytest.raises(IntegrityError), atomic(independent=True):
                Record.objects.bulk_create([Record(pk=1, name="second")])
            assert names() == ["first"]

        def test_after_an_error_without_a_block_nothing_more_works(self) -> None:
            Record.objects.create(pk=1, name="first")
            with pytest.raises(IntegrityError):
                Record.objects.bulk_create([Record(pk=1), Record()])
            with pytest.raises(transaction.TransactionManagementError):
                names()

        def test_djangos_own_blocks_work(self) -> None:
            row, created = Record.objects.get_or_create(name="one")
            assert created
            assert Record.objects.update_or_create(name="one", defaults={"n": 5}) == (row, False)
            assert Record.objects.update_or_create(name="two", defaults={"n": 6})[1]
            row.n = 7
            assert Record.objects.bulk_update([row], ["n"]) == 1
            assert sorted(Record.objects.values_list("name", "n")) == [("one", 7), ("two", 6)]
            row.delete()
            assert names() == ["two"]

    return Case


def test_savepoints_and_nesting_inside_a_test_case() -> None:
    assert passes(case_of_savepoints())
    assert names() == []


def case_of_hooks() -> type[TestCase]:
    class Case(TestCase):
        def test_captured_hooks(self) -> None:
            done: list[int] = []
            with self.captureOnCommitCallbacks() as callbacks, transaction.atomic():
                transaction.on_commit(lambda: done.append(1))
            assert (len(callbacks), done) == (1, [])

        def test_executed_hooks(self) -> None:
            done: list[int] = []
            with self.captureOnCommitCallbacks(execute=True) as callbacks, transaction.atomic():
                transaction.on_commit(lambda: done.append(1))
            assert (len(callbacks), done) == (1, [1])

        def test_hooks_of_an_undone_block_are_not_captured(self) -> None:
            with self.captureOnCommitCallbacks(execute=True) as callbacks, suppress(Stop), transaction.atomic():
                transaction.on_commit(lambda: None)
                raise Stop
            assert callbacks == []

    return Case


def test_hooks_can_be_captured_and_executed() -> None:
    assert passes(case_of_hooks())


def test_a_test_sees_what_another_thread_commits_meanwhile(elsewhere: Any) -> None:
    class Case(TestCase):
        def test_it(self) -> None:
            assert names() == []
            elsewhere(lambda: Record.objects.create(name="of a thread"))
            assert names() == ["of a thread"]

    assert passes(Case)


@pytest.mark.filterwarnings("ignore::kindstore.plugins.transactions.SplitTransactionWarning")
class TestTransactionTestCase:
    @pytest.fixture
    def plugins(self) -> list[str]:
        """Those that the signals of a flush need."""
        return ["transactions", "constraints", "relational"]

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"relational": {"policy": "allow"}}

    def test_it_commits_and_empties_the_store(self) -> None:
        class Case(TransactionTestCase):
            def test_a(self) -> None:
                with transaction.atomic():
                    Record.objects.create(name="a")
                with suppress(Stop), transaction.atomic():
                    Record.objects.create(name="undone")
                    raise Stop
                assert names() == ["a"]
                assert not connection.in_atomic_block

            def test_b(self) -> None:
                assert names() == []

        assert passes(Case)
        assert names() == []
