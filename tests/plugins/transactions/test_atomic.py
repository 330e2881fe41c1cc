"""Django's own `atomic`: a block is committed whole or not at all, and blocks nest."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import NotSupportedError
from records.models import Author, Record

from kindstore.testing import assertNumRPCs, capture_rpcs

from .blocks import Elsewhere, Stop, savepoint_create


def names() -> list[str]:
    return list(Record.objects.order_by("name").values_list("name", flat=True))


def test_the_features_say_that_there_are_transactions() -> None:
    assert connection.features.supports_transactions is True
    assert connection.features.uses_savepoints is True
    assert connection.features.has_select_for_update is True


def test_what_a_block_writes_is_committed_at_its_end(elsewhere: Elsewhere) -> None:
    with transaction.atomic():
        Record.objects.create(name="one")
        Record.objects.create(name="two")
        assert elsewhere(names) == []
    assert elsewhere(names) == ["one", "two"]


def test_a_block_is_one_commit() -> None:
    with capture_rpcs() as rpcs, transaction.atomic():
        Record.objects.bulk_create([Record(pk=1), Record(pk=2)])
        Author.objects.bulk_create([Author(pk=1)])
    assert [len(rpc.request) for rpc in rpcs if rpc.method == "Commit"] == [3]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_block_that_raises_writes_nothing(error: type[BaseException]) -> None:
    with suppress(error), transaction.atomic():
        Record.objects.create(name="one")
        raise error
    assert names() == []


def test_a_rollback_brings_back_what_was_changed_and_deleted() -> None:
    Record.objects.bulk_create([Record(pk=1, name="changed"), Record(pk=2, name="deleted")])
    with suppress(Stop), transaction.atomic():
        Record.objects.filter(pk=1).update(name="x")
        Record.objects.filter(pk=2).delete()
        Record.objects.create(name="new")
        assert names() == ["new", "x"]
        raise Stop
    assert names() == ["changed", "deleted"]


def test_a_decorated_function_is_a_block() -> None:
    @transaction.atomic
    def create_and_fail() -> None:
        Record.objects.create(name="one")
        raise Stop

    with pytest.raises(Stop):
        create_and_fail()
    assert names() == []


def test_a_decorated_function_runs_in_a_transaction_of_its_thread(elsewhere: Elsewhere) -> None:
    @transaction.atomic
    def create() -> bool:
        Record.objects.create(name="one")
        return bool(connection.in_atomic_block)

    assert elsewhere(create)
    assert not connection.in_atomic_block
    assert names() == ["one"]


def test_a_decorated_function_may_call_itself() -> None:
    @transaction.atomic
    def create(count: int) -> None:
        Record.objects.create(name=str(count))
        if count > 1:
            create(count - 1)

    create(3)
    assert names() == ["1", "2", "3"]


def test_an_empty_block_sends_nothing() -> None:
    with assertNumRPCs(0), transaction.atomic(), transaction.atomic():
        pass


def test_a_block_that_only_reads_commits_nothing() -> None:
    Record.objects.create(pk=1)
    with capture_rpcs() as rpcs, transaction.atomic():
        Record.objects.get(pk=1)
    assert rpcs.methods == ["Lookup"]


class TestNesting:
    def test_a_nested_block_that_raises_is_undone_alone(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="outer")
            with suppress(Stop), transaction.atomic():
                Record.objects.create(name="inner")
                raise Stop
            assert names() == ["outer"]
            Record.objects.create(name="after")
        assert names() == ["after", "outer"]

    def test_a_nested_block_is_undone_with_the_outer_one(self) -> None:
        with suppress(Stop), transaction.atomic():
            with transaction.atomic():
                Record.objects.create(name="inner")
            raise Stop
        assert names() == []

    def test_a_nested_rollback_keeps_the_outer_change_of_the_same_row(self) -> None:
        Record.objects.create(pk=1, name="stored")
        with transaction.atomic():
            Record.objects.filter(pk=1).update(name="outer")
            with suppress(Stop), transaction.atomic():
                Record.objects.filter(pk=1).update(name="inner", n=5)
                raise Stop
            assert Record.objects.values_list("name", "n").get() == ("outer", 0)
        assert Record.objects.values_list("name", "n").get() == ("outer", 0)

    def test_a_nested_rollback_undoes_a_delete(self) -> None:
        Record.objects.create(pk=1, name="stored")
        with transaction.atomic():
            with suppress(Stop), transaction.atomic():
                Record.objects.all().delete()
                assert names() == []
                raise Stop
            assert names() == ["stored"]
        assert names() == ["stored"]

    def test_an_id_of_a_nested_block_that_was_undone_is_free_again(self) -> None:
        with transaction.atomic():
            with suppress(Stop), transaction.atomic():
                Record.objects.create(pk=1, name="inner")
                raise Stop
            Record.objects.create(pk=1, name="outer")
        assert names() == ["outer"]

    def test_three_levels_deep(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="1")
            with transaction.atomic():
                Record.objects.create(name="2")
                with suppress(Stop), transaction.atomic():
                    Record.objects.create(name="3")
                    raise Stop
                Record.objects.create(name="2b")
            with suppress(Stop), transaction.atomic():
                with transaction.atomic():
                    Record.objects.create(name="4")
                raise Stop
        assert names() == ["1", "2", "2b"]

    def test_a_nested_block_costs_no_rpc(self) -> None:
        with capture_rpcs() as rpcs, transaction.atomic():
            with transaction.atomic():
                Record.objects.bulk_create([Record(pk=1)])
            with transaction.atomic():
                Record.objects.bulk_create([Record(pk=2)])
        assert rpcs.methods.count("Commit") == 1

    def test_without_a_savepoint_the_outer_block_is_undone_too(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="outer")
            with suppress(Stop), transaction.atomic(savepoint=False):
                Record.objects.create(name="inner")
                raise Stop
            with pytest.raises(TransactionManagementError):
                names()
        assert names() == []

    def test_without_a_savepoint_both_are_committed_together(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="outer")
            with transaction.atomic(savepoint=False):
                Record.objects.create(name="inner")
        assert names() == ["inner", "outer"]

    def test_a_durable_block_is_the_outermost_one(self) -> None:
        with transaction.atomic(durable=True):
            Record.objects.create(name="one")
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"), transaction.atomic(durable=True):
            pass
        assert names() == ["one"]

    def test_a_statement_that_fails_in_a_nested_block_leaves_the_outer_one_usable(self) -> None:
        Record.objects.create(pk=1, name="taken")
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                Record.objects.create(pk=1)
            Record.objects.create(pk=2, name="free")
        assert names() == ["free", "taken"]


class TestSavepoints:
    def test_rolling_back_to_a_savepoint_undoes_what_followed(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="before")
            savepoint = savepoint_create()
            Record.objects.create(name="after")
            transaction.savepoint_rollback(savepoint)
            assert names() == ["before"]
        assert names() == ["before"]

    def test_a_committed_savepoint_keeps_what_followed(self) -> None:
        with transaction.atomic():
            savepoint = savepoint_create()
            Record.objects.create(name="after")
            transaction.savepoint_commit(savepoint)
        assert names() == ["after"]

    def test_one_may_go_back_to_a_savepoint_twice(self) -> None:
        with transaction.atomic():
            savepoint = savepoint_create()
            Record.objects.create(name="one")
            transaction.savepoint_rollback(savepoint)
            Record.objects.create(name="two")
            transaction.savepoint_rollback(savepoint)
        assert names() == []

    def test_going_back_to_the_first_of_two_undoes_both(self) -> None:
        with transaction.atomic():
            first = savepoint_create()
            Record.objects.create(name="one")
            savepoint_create()
            Record.objects.create(name="two")
            transaction.savepoint_rollback(first)
            Record.objects.create(name="three")
        assert names() == ["three"]

    def test_an_unknown_savepoint_is_an_error(self) -> None:
        with transaction.atomic(), pytest.raises(DatabaseError, match="no savepoint"), transaction.atomic():
            transaction.savepoint_rollback("unknown")

    def test_savepoints_are_named_anew_after_clean_savepoints(self) -> None:
        with transaction.atomic():
            transaction.clean_savepoints()
            first = savepoint_create()
            transaction.clean_savepoints()
            assert savepoint_create() == first

    def test_outside_a_transaction_there_is_none(self) -> None:
        assert savepoint_create() is None

    def test_a_savepoint_of_an_earlier_transaction_is_gone(self) -> None:
        with transaction.atomic():
            savepoint = savepoint_create()
        with transaction.atomic(), pytest.raises(DatabaseError, match="no savepoint"), transaction.atomic():
            transaction.savepoint_rollback(savepoint)


class TestMarkingForRollback:
    def test_a_block_marked_for_rollback_writes_nothing(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="one")
            assert transaction.get_rollback() is False
            transaction.set_rollback(True)
            assert transaction.get_rollback() is True
        assert names() == []

    def test_a_nested_block_marked_for_rollback_is_undone_alone(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="outer")
            with transaction.atomic():
                Record.objects.create(name="inner")
                transaction.set_rollback(True)
        assert names() == ["outer"]

    def test_a_mark_may_be_taken_back(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="one")
            transaction.set_rollback(True)
            transaction.set_rollback(False)
        assert names() == ["one"]

    def test_after_an_error_in_the_block_nothing_may_be_read(self) -> None:
        Record.objects.create(pk=1)
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic(savepoint=False):
                Record.objects.create(pk=1)
            with pytest.raises(TransactionManagementError, match="until the end"):
                Record.objects.get(pk=1)


class TestByHand:
    """Autocommit turned off, and commits and rollbacks by hand."""

    @pytest.fixture(autouse=True)
    def autocommit(self) -> Any:
        yield
        if connection.connection is not None and not connection.get_autocommit():
            transaction.rollback()
            transaction.set_autocommit(True)

    def test_a_commit_commits(self, elsewhere: Elsewhere) -> None:
        transaction.set_autocommit(False)
        Record.objects.create(name="one")
        assert elsewhere(names) == []
        transaction.commit()
        assert elsewhere(names) == ["one"]

    def test_a_rollback_rolls_back(self) -> None:
        transaction.set_autocommit(False)
        Record.objects.create(name="one")
        transaction.rollback()
        assert names() == []

    def test_each_commit_begins_the_next_transaction(self) -> None:
        transaction.set_autocommit(False)
        Record.objects.create(name="one")
        transaction.commit()
        Record.objects.create(name="two")
        transaction.rollback()
        Record.objects.create(name="three")
        transaction.commit()
        transaction.set_autocommit(True)
        assert names() == ["one", "three"]

    def test_autocommit_does_not_come_back_over_what_is_not_committed(self) -> None:
        transaction.set_autocommit(False)
        Record.objects.create(name="one")
        with pytest.raises(TransactionManagementError, match="not committed"):
            transaction.set_autocommit(True)

    def test_a_block_inside_is_a_savepoint(self) -> None:
        transaction.set_autocommit(False)
        Record.objects.create(name="outer")
        with suppress(Stop), transaction.atomic():
            Record.objects.create(name="inner")
            raise Stop
        transaction.commit()
        transaction.set_autocommit(True)
        assert names() == ["outer"]

    def test_savepoints_work(self) -> None:
        transaction.set_autocommit(False)
        savepoint = savepoint_create()
        Record.objects.create(name="one")
        transaction.savepoint_rollback(savepoint)
        transaction.commit()
        transaction.set_autocommit(True)
        assert names() == []

    def test_a_closed_connection_loses_what_is_not_committed(self) -> None:
        transaction.set_autocommit(False)
        Record.objects.create(name="one")
        connection.close()
        assert connection.get_autocommit()
        assert names() == []

    def test_inside_a_block_commit_and_rollback_are_errors(self) -> None:
        with transaction.atomic():
            with pytest.raises(TransactionManagementError):
                transaction.commit()
            with pytest.raises(TransactionManagementError):
                transaction.rollback()
            with pytest.raises(TransactionManagementError):
                transaction.set_autocommit(False)


class TestClosing:
    def test_a_connection_closed_in_a_block_cannot_be_used_in_it(self) -> None:
        with transaction.atomic():
            Record.objects.create(name="one")
            connection.close()
            with pytest.raises(DatabaseError):
                names()
        assert names() == []

    def test_after_it_the_connection_works(self) -> None:
        with transaction.atomic():
            connection.close()
        with transaction.atomic():
            Record.objects.create(name="one")
        assert names() == ["one"]


class TestNamespaces:
    @pytest.fixture
    def tenant(self, monkeypatch: pytest.MonkeyPatch, namespace: str) -> Callable[[str], None]:
        current = [namespace]
        monkeypatch.setitem(connection.settings_dict, "NAMESPACE", lambda: current[-1])
        connection.close()
        return lambda name: current.append(f"{namespace}-{name}")

    def test_another_namespace_inside_a_block_is_an_error(self, tenant: Callable[[str], None]) -> None:
        @transaction.atomic
        def create_in_two() -> None:
            Record.objects.create(name="one")
            tenant("other")
            Record.objects.create(name="two")

        with pytest.raises(TransactionManagementError, match="namespace"):
            create_in_two()
        assert names() == []

    def test_between_blocks_it_may_change(self, tenant: Callable[[str], None]) -> None:
        for name in ("a", "b"):
            tenant(name)
            with transaction.atomic():
                Record.objects.create(name=name)
                assert names() == [name]


class TestPrimaryKeys:
    """A primary key is taken once, and the statement says so."""

    def test_creating_a_row_that_is_stored_fails_at_the_statement(self) -> None:
        Record.objects.create(pk=1, name="first")
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                Record.objects.create(pk=1, name="second")
            assert names() == ["first"]
        assert names() == ["first"]

    def test_creating_a_row_that_the_block_created_fails_at_the_statement(self) -> None:
        with transaction.atomic():
            Record.objects.create(pk=1, name="first")
            with pytest.raises(IntegrityError), transaction.atomic():
                Record.objects.create(pk=1, name="second")
        assert names() == ["first"]

    def test_forcing_an_insert_of_a_stored_row_fails(self) -> None:
        Record.objects.create(pk=1, name="first")
        with transaction.atomic(), pytest.raises(IntegrityError), transaction.atomic():
            Record(pk=1, name="second").save(force_insert=True)
        assert names() == ["first"]

    def test_bulk_create_with_a_stored_key_leaves_nothing_half(self) -> None:
        Record.objects.create(pk=3, name="first")
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                Record.objects.bulk_create([Record(pk=1), Record(pk=2), Record(pk=3)])
            assert Record.objects.count() == 1
        assert names() == ["first"]

    def test_a_statement_that_fails_writes_nothing_even_where_its_error_is_caught(self) -> None:
        """Without a savepoint of its own, as Django's rules allow for a single statement."""
        Record.objects.create(pk=3, name="first")
        transaction.set_autocommit(False)
        try:
            with pytest.raises(IntegrityError):
                Record.objects.bulk_create([Record(pk=1), Record(pk=2), Record(pk=3)])
            transaction.commit()
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)
        assert names() == ["first"]

    def test_a_key_that_the_block_deleted_is_free(self) -> None:
        Record.objects.create(pk=1, name="first")
        with transaction.atomic():
            Record.objects.filter(pk=1).delete()
            Record.objects.create(pk=1, name="second")
        assert names() == ["second"]

    def test_two_threads_create_one_row_of_a_key(self, django_db_blocker: Any) -> None:
        def create(number: int) -> bool:
            with django_db_blocker.unblock():
                try:
                    with transaction.atomic():
                        Record.objects.create(pk=1, name=str(number))
                except IntegrityError:
                    return False
                finally:
                    connections.close_all()
                return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(create, range(8))) == 1
        assert len(names()) == 1


def test_a_kept_cursor_or_raw_sql_is_no_part_of_it() -> None:
    with transaction.atomic(), pytest.raises(NotSupportedError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
