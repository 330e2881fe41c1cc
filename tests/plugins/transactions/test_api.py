"""Djangae's API, with its names and meanings: atomic, independent, mandatory, non_atomic, and what a transaction knows of its rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F
from django.db.utils import NotSupportedError, OperationalError
from records.models import Author, Record
from relations.models import Person, Writer
from uniques.models import Account, AccountProxy

from kindstore.plugins.transactions import (
    PreventedReadError,
    Transaction,
    TransactionFailedError,
    atomic,
    commit_locked,
    commit_on_success,
    current_transaction,
    in_atomic_block,
    non_atomic,
)
from kindstore.testing import capture_rpcs, connection_with

from .blocks import Elsewhere, Stop, fails, savepoint_create


def names() -> list[str]:
    return list(Record.objects.order_by("name").values_list("name", flat=True))


def create(name: str) -> Record:
    row: Record = Record.objects.create(name=name)
    return row


class TestAtomic:
    """TXN-01, TXN-09, TXN-18."""

    @pytest.mark.parametrize("decorate", [atomic, atomic(), commit_on_success, commit_on_success(), atomic(xg=True)])
    def test_it_decorates_with_and_without_parentheses(self, decorate: Callable[[Any], Any]) -> None:
        @decorate
        def create_and_return(name: str, *, fail: bool) -> str:
            create(name)
            if fail:
                raise Stop
            return name

        assert create_and_return("kept", fail=False) == "kept"
        with pytest.raises(Stop):
            create_and_return("undone", fail=True)
        assert names() == ["kept"]

    def test_a_decorated_function_keeps_its_name_and_what_it_says(self) -> None:
        @atomic(xg=True)
        def documented() -> None:
            """Say so."""

        assert (documented.__name__, documented.__doc__) == ("documented", "Say so.")

    def test_it_decorates_a_method(self) -> None:
        class Maker:
            name = "by a method"

            @atomic
            def create(self) -> None:
                create(self.name)

        Maker().create()
        assert names() == ["by a method"]

    def test_a_decorated_function_may_call_itself(self) -> None:
        @atomic
        def create_many(count: int) -> None:
            create(str(count))
            if count > 1:
                create_many(count - 1)

        create_many(3)
        assert names() == ["1", "2", "3"]

    def test_a_decorated_function_runs_in_other_threads_too(self, elsewhere: Elsewhere) -> None:
        @atomic
        def create_here() -> None:
            assert in_atomic_block()
            create("one")

        with atomic():
            elsewhere(create_here)
            assert in_atomic_block()
        assert names() == ["one"]

    @pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit])
    def test_any_exception_rolls_back(self, error: type[BaseException]) -> None:
        with fails(error), atomic():
            create("one")
            raise error
        assert names() == []
        assert not in_atomic_block()

    def test_the_block_is_given_its_transaction(self) -> None:
        with atomic() as block:
            assert isinstance(block, Transaction)
            assert block is current_transaction()

    def test_one_object_may_be_entered_again_and_inside_itself(self) -> None:
        block = atomic()
        with block:
            create("1")
            with suppress(Stop), block:
                create("2")
                raise Stop
        with block:
            create("3")
        assert names() == ["1", "3"]

    def test_it_nests_with_djangos(self) -> None:
        with transaction.atomic():
            create("1")
            with suppress(Stop), atomic():
                create("2")
                with transaction.atomic():
                    create("3")
                raise Stop
        assert names() == ["1"]

    def test_an_argument_that_it_does_not_have_is_an_error(self) -> None:
        with pytest.raises(TypeError, match="readonly"):
            atomic(readonly=True)  # type: ignore[call-overload]
        with pytest.raises(TypeError):
            non_atomic(independent=True)  # type: ignore[call-overload]

    def test_retries_that_are_no_number_are_an_error(self) -> None:
        for retries in (-1, True, 1.5):
            with pytest.raises(ValueError, match="whole number"):
                atomic(retries=retries)  # type: ignore[call-overload]

    def test_a_coroutine_is_an_error(self) -> None:
        async def coroutine() -> None:
            """Do nothing."""

        with pytest.raises(TypeError, match="coroutine"):
            atomic(coroutine)

    def test_xg_is_always_granted(self) -> None:
        with atomic(xg=True):
            Author.objects.create(name="1")
            create("2")
        with atomic(xg=False):
            Author.objects.create(name="3")
            create("4")
        assert names() == ["2", "4"]


class TestIndependent:
    """TXN-04."""

    def test_it_is_kept_when_the_outer_block_is_undone(self) -> None:
        with suppress(Stop), atomic():
            create("outer")
            with atomic(independent=True):
                create("independent")
            raise Stop
        assert names() == ["independent"]

    def test_it_is_undone_alone(self) -> None:
        with atomic():
            create("outer")
            with suppress(Stop), atomic(independent=True):
                create("independent")
                raise Stop
        assert names() == ["outer"]

    def test_it_does_not_see_what_the_outer_block_wrote(self) -> None:
        with atomic():
            create("outer")
            with atomic(independent=True):
                assert names() == []
            assert names() == ["outer"]

    def test_it_is_committed_at_its_own_end(self, elsewhere: Elsewhere) -> None:
        with atomic():
            with atomic(independent=True):
                create("independent")
            assert elsewhere(names) == ["independent"]

    def test_they_nest(self) -> None:
        with suppress(Stop), atomic():
            create("1")
            with suppress(Stop), atomic(independent=True):
                create("2")
                with atomic(independent=True):
                    create("3")
                raise Stop
            raise Stop
        assert names() == ["3"]

    def test_without_an_outer_block_it_is_one_like_any(self) -> None:
        with atomic(independent=True):
            create("one")
        with suppress(Stop), atomic(independent=True):
            create("undone")
            raise Stop
        assert names() == ["one"]

    def test_a_row_that_both_change_makes_the_outer_block_fail(self) -> None:
        Record.objects.create(pk=1, n=1)
        with fails(TransactionFailedError), atomic():
            row = Record.objects.get(pk=1)
            with atomic(independent=True):
                Record.objects.filter(pk=1).update(n=F("n") + 10)
            row.n += 1
            row.save()
        assert Record.objects.get(pk=1).n == 11

    def test_savepoints_of_the_outer_block_are_there_after_it(self) -> None:
        with atomic():
            create("1")
            savepoint = savepoint_create()
            create("2")
            with atomic(independent=True):
                create("3")
            transaction.savepoint_rollback(savepoint)
        assert names() == ["1", "3"]

    def test_it_decorates(self) -> None:
        @atomic(independent=True)
        def create_independently() -> None:
            create("independent")

        with suppress(Stop), atomic():
            create_independently()
            raise Stop
        assert names() == ["independent"]


class TestMandatory:
    """TXN-05."""

    def test_without_a_transaction_it_fails(self) -> None:
        with pytest.raises(TransactionFailedError, match="mandatory"), atomic(mandatory=True):
            pass

    def test_inside_one_it_joins(self) -> None:
        with atomic() as outer, atomic(mandatory=True) as inner:
            assert inner is outer
        with transaction.atomic(), atomic(mandatory=True):
            create("one")
        assert names() == ["one"]

    def test_inside_non_atomic_it_fails(self) -> None:
        with atomic(), non_atomic(), pytest.raises(TransactionFailedError, match="mandatory"), atomic(mandatory=True):
            pass

    def test_independent_goes_before_it(self) -> None:
        with atomic(mandatory=True, independent=True):
            create("one")
        assert names() == ["one"]


class TestNonAtomic:
    """TXN-06."""

    def test_what_is_written_in_it_is_kept_at_once(self, elsewhere: Elsewhere) -> None:
        with suppress(Stop), atomic():
            create("inside")
            with non_atomic():
                create("outside")
                assert elsewhere(names) == ["outside"]
            raise Stop
        assert names() == ["outside"]

    def test_it_does_not_see_what_the_transaction_wrote(self) -> None:
        with atomic():
            create("inside")
            with non_atomic():
                assert names() == []
            assert names() == ["inside"]

    def test_the_transaction_goes_on_after_it(self) -> None:
        with atomic() as outer:
            create("1")
            with non_atomic():
                assert current_transaction() is None
            assert current_transaction() is outer
            create("2")
        assert names() == ["1", "2"]

    def test_an_exception_passes_through_it(self) -> None:
        with atomic():
            with suppress(Stop), non_atomic():
                create("outside")
                raise Stop
            create("inside")
        assert names() == ["inside", "outside"]

    def test_it_nests_with_blocks(self) -> None:
        with suppress(Stop), atomic():
            create("1")
            with non_atomic():
                with suppress(Stop), atomic():
                    create("2")
                    with non_atomic():
                        create("3")
                    raise Stop
                create("4")
            raise Stop
        assert names() == ["3", "4"]

    def test_it_decorates_with_and_without_parentheses(self) -> None:
        @non_atomic
        def create_outside() -> None:
            create("1")

        @non_atomic()
        def create_outside_too() -> None:
            create("2")

        with suppress(Stop), atomic():
            create_outside()
            create_outside_too()
            raise Stop
        assert names() == ["1", "2"]

    def test_outside_a_transaction_it_changes_nothing(self) -> None:
        with non_atomic():
            create("one")
        assert names() == ["one"]


class TestQuestions:
    """TXN-07, TXN-08."""

    def test_in_atomic_block(self) -> None:
        seen = [in_atomic_block()]
        with transaction.atomic():
            seen.append(in_atomic_block())
            with non_atomic():
                seen.append(in_atomic_block())
                with atomic():
                    seen.append(in_atomic_block())
            seen.append(in_atomic_block())
        assert seen == [False, True, False, True, True]
        assert not in_atomic_block()

    def test_the_current_transaction_is_that_of_the_outermost_block(self) -> None:
        assert current_transaction() is None
        with atomic() as outer:
            assert current_transaction() is outer
            with atomic() as inner:
                assert inner is outer
                assert current_transaction() is outer
            with transaction.atomic():
                assert current_transaction() is outer
        assert current_transaction() is None

    def test_an_independent_block_has_one_of_its_own(self) -> None:
        with atomic() as outer:
            with atomic(independent=True) as independent:
                assert independent is not outer
                assert current_transaction() is independent
                with atomic() as nested:
                    assert nested is independent
            assert current_transaction() is outer

    def test_it_belongs_to_its_thread(self, elsewhere: Elsewhere) -> None:
        with atomic():
            assert elsewhere(in_atomic_block) is False
            assert elsewhere(current_transaction) is None


class TestAliases:
    """`using` names the alias."""

    def test_each_alias_has_its_own(self) -> None:
        with connection_with(["transactions"]) as other, atomic() as default, atomic(using=other.alias) as others:
            assert current_transaction() is default
            assert current_transaction(using=other.alias) is others
            assert others is not default
            assert in_atomic_block(using=other.alias)
            with non_atomic(using=other.alias):
                assert not in_atomic_block(using=other.alias)
                assert in_atomic_block()

    def test_a_rollback_of_one_leaves_the_other(self) -> None:
        with connection_with(["transactions"]) as other:
            with atomic(), suppress(Stop), atomic(using=other.alias):
                Record.objects.using(other.alias).create(name="undone")
                Record.objects.create(name="kept")
                raise Stop
            assert names() == ["kept"]
            assert not Record.objects.using(other.alias).exists()

    def test_an_alias_without_the_plugin_says_so(self) -> None:
        with connection_with([]) as other, pytest.raises(NotSupportedError, match="Add it to PLUGINS"), atomic(using=other.alias):
            pass


@pytest.mark.usefixtures("five")
class TestReadAndWritten:
    """TXN-10."""

    def test_a_row_that_was_looked_up_has_been_read(self) -> None:
        with atomic() as block:
            row = Record(pk=1)
            assert not block.has_been_read(row)
            Record.objects.get(pk=1)
            assert block.has_been_read(row)
            assert not block.has_been_read(Record(pk=2))
            assert not block.has_been_read(Author(pk=1))

    def test_a_row_that_a_query_gave_has_been_read(self) -> None:
        with atomic() as block:
            list(Record.objects.filter(n__in=[2, 3]))
            assert [block.has_been_read(Record(pk=pk)) for pk in range(1, 6)] == [False, True, True, False, False]

    @pytest.mark.parametrize(
        "write",
        [
            lambda: Record(pk=1).save(),
            lambda: Record.objects.filter(pk=1).update(n=7),
            lambda: Record.objects.filter(n=1).update(m=7),
            lambda: Record.objects.filter(pk=1).delete(),
        ],
        ids=["save", "update", "update of a query", "delete"],
    )
    def test_a_row_that_was_written(self, write: Callable[[], Any]) -> None:
        with atomic() as block:
            assert not block.has_been_written(Record(pk=1))
            write()
            assert block.has_been_written(Record(pk=1))
            assert not block.has_been_written(Record(pk=2))

    def test_a_row_that_was_created_has_been_written_and_not_read(self) -> None:
        with atomic() as block:
            row = Record.objects.create(pk=10)
            assert block.has_been_written(row)
            assert not block.has_been_read(row)

    def test_an_unsaved_row_has_neither(self) -> None:
        with atomic() as block:
            assert not block.has_been_read(Record())
            assert not block.has_been_written(Record())

    def test_a_write_that_was_undone_was_none(self) -> None:
        with atomic() as block:
            with suppress(Stop), atomic():
                Record.objects.filter(pk=1).update(n=7)
                raise Stop
            assert not block.has_been_written(Record(pk=1))

    def test_an_independent_block_has_its_own(self) -> None:
        with atomic() as outer:
            Record.objects.get(pk=1)
            with atomic(independent=True) as inner:
                assert not inner.has_been_read(Record(pk=1))
                Record.objects.filter(pk=2).update(n=0)
            assert outer.has_been_read(Record(pk=1))
            assert not outer.has_been_written(Record(pk=2))

    def test_a_nested_block_shares_them(self) -> None:
        with atomic() as outer:
            with atomic():
                Record.objects.get(pk=1)
            assert outer.has_been_read(Record(pk=1))

    def test_a_row_of_an_inherited_model_is_written_with_a_part_of_it_and_read_with_all(self) -> None:
        """BUG-14."""
        writer = Writer(pk=5, name="Ann", pseudonym="A.")
        writer.save()
        with atomic() as block:
            Person.objects.get(pk=5)
            assert block.has_been_read(Person(pk=5))
            assert not block.has_been_read(writer)
            assert not block.has_been_written(writer)
            Person.objects.filter(pk=5).update(born=1900)
            assert block.has_been_written(Person(pk=5))
            assert block.has_been_written(writer)

    def test_a_proxy_has_the_row_of_its_model(self) -> None:
        account = AccountProxy.objects.create(email="a@example.org")
        with atomic() as block:
            AccountProxy.objects.filter(pk=account.pk).update(note="x")
            assert block.has_been_written(AccountProxy(pk=account.pk))
            assert block.has_been_written(Account(pk=account.pk))


@pytest.mark.usefixtures("five")
class TestRefreshIfUnread:
    """TXN-11."""

    def test_a_row_that_was_read_before_the_transaction_is_read_again(self, elsewhere: Elsewhere) -> None:
        row = Record.objects.get(pk=1)
        elsewhere(lambda: Record.objects.filter(pk=1).update(n=100))
        with atomic() as block:
            block.refresh_if_unread(row)
            assert row.n == 100
            assert block.has_been_read(row)

    def test_it_makes_an_increment_safe(self, elsewhere: Elsewhere) -> None:
        row = Record.objects.get(pk=1)
        with fails(TransactionFailedError), atomic() as block:
            block.refresh_if_unread(row)
            elsewhere(lambda: Record.objects.filter(pk=1).update(n=100))
            row.n += 1
            row.save()
        assert Record.objects.get(pk=1).n == 100

    def test_a_row_that_was_read_is_left_as_it_is(self) -> None:
        with atomic() as block, capture_rpcs() as rpcs:
            row = Record.objects.get(pk=1)
            row.n = 50
            block.refresh_if_unread(row)
            assert row.n == 50
        assert rpcs.methods == ["Lookup"]

    def test_a_row_that_was_written_is_left_as_it_is(self) -> None:
        with atomic() as block:
            row = Record.objects.create(pk=10, n=1)
            row.n = 50
            block.refresh_if_unread(row)
            assert row.n == 50

    def test_it_may_be_the_last_time(self) -> None:
        row = Record(pk=1)
        with atomic() as block:
            block.refresh_if_unread(row, prevent_further_reads=True)
            assert row.n == 1
            with pytest.raises(PreventedReadError):
                Record.objects.get(pk=1)


@pytest.mark.usefixtures("five")
class TestPreventRead:
    """TXN-12, BUG-14: it takes a model and a primary key; the alias is that of the transaction."""

    @pytest.mark.parametrize(
        "read",
        [
            lambda: Record.objects.get(pk=1),
            lambda: list(Record.objects.filter(pk__in=[1, 2])),
            lambda: list(Record.objects.filter(n=1)),
            lambda: list(Record.objects.all()),
            lambda: Record(pk=1).refresh_from_db(),
        ],
        ids=["get", "keys", "query", "all", "refresh"],
    )
    def test_a_row_that_is_not_to_be_read_is_not(self, read: Callable[[], Any]) -> None:
        with atomic() as block:
            block.prevent_read(Record, 1)
            with pytest.raises(PreventedReadError, match="records_record"):
                read()
            assert Record.objects.get(pk=2).n == 2

    def test_a_row_that_was_read_before_is_not_read_either(self) -> None:
        with atomic() as block:
            Record.objects.get(pk=1)
            block.prevent_read(Record, 1)
            with pytest.raises(PreventedReadError):
                Record.objects.get(pk=1)

    def test_a_foreign_key_is_not_followed(self) -> None:
        Author.objects.create(pk=7)
        Record.objects.filter(pk=1).update(author_id=7)
        with atomic() as block:
            block.prevent_read(Author, 7)
            row = Record.objects.get(pk=1)
            with pytest.raises(PreventedReadError):
                _ = row.author

    def test_it_is_a_value_error_and_ends_with_the_transaction(self) -> None:
        with atomic() as block:
            block.prevent_read(Record, 1)
            with pytest.raises(ValueError, match="prevent_read"):
                Record.objects.get(pk=1)
        with atomic():
            assert Record.objects.get(pk=1).n == 1

    def test_the_row_may_be_written(self) -> None:
        with atomic() as block:
            block.prevent_read(Record, 1)
            Record(pk=1, n=100).save()
        assert Record.objects.get(pk=1).n == 100


class TestAnyQuery:
    """TXN-14, LIM-08, LIM-09: a transaction is not bound to queries by key, nor to one entity group."""

    @pytest.mark.usefixtures("five")
    def test_queries_that_are_not_by_key_work(self) -> None:
        with atomic():
            assert Record.objects.filter(n__gt=3).count() == 2
            assert [row.pk for row in Record.objects.exclude(n=3).order_by("-name")] == [5, 4, 2, 1]
            Record.objects.filter(n__gt=3).update(m=1)
            Record.objects.filter(name="row 1").delete()
        assert sorted(Record.objects.filter(n__gt=3, m=1).values_list("pk", flat=True)) == [4, 5]
        assert not Record.objects.filter(pk=1).exists()


@pytest.mark.usefixtures("five")
class TestRetries:
    def test_a_function_is_run_again_where_somebody_else_was_faster(self, interfering: Any) -> None:
        @atomic(retries=2)
        def increment() -> int:
            row = Record.objects.get(pk=1)
            row.n += 1
            row.save()
            return int(row.n)

        interfering(lambda: Record.objects.filter(pk=1).update(n=100), lambda: Record.objects.filter(pk=1).update(n=200))
        assert increment() == 201
        assert Record.objects.get(pk=1).n == 201

    def test_after_the_last_attempt_it_fails(self, interfering: Any) -> None:
        @atomic(retries=1)
        def increment() -> None:
            row = Record.objects.get(pk=1)
            row.n += 1
            row.save()

        interfering(lambda: Record.objects.filter(pk=1).update(n=100), lambda: Record.objects.filter(pk=1).update(n=200))
        with pytest.raises(TransactionFailedError):
            increment()
        assert Record.objects.get(pk=1).n == 200

    def test_any_other_error_ends_it_at_once(self) -> None:
        attempts: list[int] = []

        @atomic(retries=5)
        def fail() -> None:
            attempts.append(1)
            raise Stop

        with pytest.raises(Stop):
            fail()
        assert len(attempts) == 1

    def test_inside_another_transaction_only_that_can_be_run_again(self, interfering: Any) -> None:
        attempts: list[int] = []

        @atomic(retries=5)
        def increment() -> None:
            attempts.append(1)
            row = Record.objects.get(pk=1)
            row.n += 1
            row.save()

        interfering(lambda: Record.objects.filter(pk=1).update(n=100))
        with fails(TransactionFailedError), atomic():
            increment()
        assert len(attempts) == 1

    def test_a_block_cannot_be_run_again(self) -> None:
        with pytest.raises(TypeError, match="decorate"), atomic(retries=1):
            pass

    def test_commit_locked_retries(self, interfering: Any) -> None:
        @commit_locked
        def increment() -> None:
            row = Record.objects.get(pk=1)
            row.n += 1
            row.save()

        interfering(lambda: Record.objects.filter(pk=1).update(n=100))
        increment()
        assert Record.objects.get(pk=1).n == 101

    @pytest.mark.parametrize(("propagation", "kept"), [(None, []), ("allowed", []), ("independent", ["inner"]), ("mandatory", [])], ids=str)
    def test_commit_locked_propagates_as_asked(self, propagation: str | None, kept: list[str]) -> None:
        @commit_locked(propagation=propagation, xg=True)
        def create_inner() -> None:
            create("inner")

        with suppress(Stop), atomic():
            create_inner()
            raise Stop
        assert [name for name in names() if name == "inner"] == kept

    def test_commit_locked_refuses_what_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="'allowed', 'mandatory', 'independent'"):
            commit_locked(propagation="nested")

    def test_a_transaction_failed_error_is_djangos_operational_error(self) -> None:
        assert issubclass(TransactionFailedError, OperationalError)


def test_the_connection_is_whole_after_every_kind_of_end() -> None:
    with suppress(Stop), atomic(), atomic(independent=True), non_atomic(), atomic():
        raise Stop
    assert connection.session.transaction is None
    assert connection.get_autocommit()
    assert not connection.in_atomic_block
    assert connections["default"].savepoint_ids == []
