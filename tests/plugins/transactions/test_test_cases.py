"""Django's test cases: TestCase rolls back what a test writes, TransactionTestCase empties the store."""

from __future__ import annotations

import unittest
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase
from records.models import Record

from kindstore.plugins.transactions import atomic, current_transaction, in_atomic_block, non_atomic

from .blocks import Stop


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
