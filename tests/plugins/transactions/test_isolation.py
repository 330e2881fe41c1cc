"""What a transaction sees of others, and what becomes of it when they write the same: in each isolation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.transaction import TransactionManagementError
from django.db.utils import NotSupportedError, OperationalError
from records.models import Author, Record

from kindstore.plugins.transactions import TransactionFailedError, atomic
from kindstore.testing import capture_rpcs

from .blocks import Elsewhere, Stop, fails

pytestmark = pytest.mark.usefixtures("five")


def setting(pk: int, **values: Any) -> Callable[[], Any]:
    """Return a change of one row."""
    return lambda: Record.objects.filter(pk=pk).update(**values)


def n_of(pk: int) -> int:
    n: int = Record.objects.values_list("n", flat=True).get(pk=pk)
    return n


class TestSnapshot:
    """The default."""

    def test_what_others_commit_is_not_seen_where_the_store_can_read_a_past_moment(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            assert n_of(1) == 1
            elsewhere(setting(2, n=200))
            elsewhere(lambda: Record.objects.create(pk=6, n=6))
            elsewhere(lambda: Record.objects.filter(pk=5).delete())
            seen = (n_of(2), sorted(Record.objects.values_list("pk", flat=True)))
        if connection.session.capabilities.read_time:
            assert seen == (2, [1, 2, 3, 4, 5])
        else:
            assert seen == (200, [1, 2, 3, 4, 6])

    def test_a_row_that_was_read_stays_as_it_was(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            assert Record.objects.get(pk=1).n == 1
            elsewhere(setting(1, n=100))
            assert Record.objects.get(pk=1).n == 1

    def test_nothing_is_read_before_the_first_read(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            elsewhere(setting(1, n=100))
            assert n_of(1) == 100

    def test_the_first_of_two_who_change_a_row_wins(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError, "somebody else"), transaction.atomic():
            row = Record.objects.get(pk=1)
            elsewhere(setting(1, n=100))
            row.n += 1
            row.save()
        assert n_of(1) == 100

    def test_a_conflict_is_an_operational_error_and_undoes_all(self, elsewhere: Elsewhere) -> None:
        with fails(OperationalError), transaction.atomic():
            Record.objects.create(pk=50)
            row = Record.objects.get(pk=1)
            elsewhere(setting(1, n=100))
            row.save()
        assert not Record.objects.filter(pk=50).exists()

    def test_after_a_conflict_the_connection_works(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            row = Record.objects.get(pk=1)
            elsewhere(setting(1, n=100))
            row.save()
        with transaction.atomic():
            Record.objects.filter(pk=1).update(n=F("n") + 1)
        assert n_of(1) == 101

    @pytest.mark.parametrize(
        "change",
        [
            lambda: Record.objects.filter(pk=1).update(n=F("n") + 1),
            lambda: Record.objects.bulk_update([Record(pk=1, n=7)], ["n"]),
        ],
        ids=["an increment", "a bulk_update"],
    )
    def test_a_row_that_was_read_before_is_not_written_over_somebody_elses(self, elsewhere: Elsewhere, change: Callable[[], Any]) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            assert Record.objects.get(pk=1).n == 1
            elsewhere(setting(1, n=100))
            change()
        assert n_of(1) == 100

    @pytest.mark.parametrize(
        "change",
        [lambda: Record.objects.filter(n=1).update(n=F("n") * 2), lambda: Record.objects.filter(n=1).delete()[0]],
        ids=["an update", "a delete"],
    )
    def test_a_query_writes_no_row_over_somebody_elses(self, elsewhere: Elsewhere, change: Callable[[], Any]) -> None:
        """A store that cannot read a past moment finds no such row any more; on others it is found as it was."""
        with suppress(TransactionFailedError), transaction.atomic():
            assert Record.objects.get(pk=1).n == 1
            elsewhere(setting(1, n=100))
            assert bool(change()) is connection.session.capabilities.read_time
        assert n_of(1) == 100

    def test_a_deleted_row_is_not_written_again(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            row = Record.objects.get(pk=1)
            elsewhere(lambda: Record.objects.filter(pk=1).delete())
            row.save()
        assert not Record.objects.filter(pk=1).exists()

    def test_a_row_that_was_missing_and_that_somebody_else_created_is_a_conflict(self, elsewhere: Elsewhere) -> None:
        with fails(Exception, "1000|exist|somebody"), transaction.atomic():
            assert Record.objects.filter(pk=1000).first() is None
            elsewhere(lambda: Record.objects.create(pk=1000, name="theirs"))
            Record.objects.create(pk=1000, name="ours")
        assert Record.objects.get(pk=1000).name == "theirs"

    def test_who_writes_another_row_does_not_matter(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            row = Record.objects.get(pk=1)
            elsewhere(setting(2, n=200))
            row.n = 100
            row.save()
        assert (n_of(1), n_of(2)) == (100, 200)

    def test_a_block_that_only_reads_never_fails(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            list(Record.objects.all())
            elsewhere(lambda: Record.objects.update(n=0))
            Record.objects.count()

    def test_write_skew_is_possible(self, elsewhere: Elsewhere) -> None:
        """Two who each read both rows and write the other one: neither sees that what it relied on is gone."""

        def first() -> None:
            with transaction.atomic():
                assert Record.objects.get(pk=2).n > 0
                elsewhere(second)
                Record.objects.filter(pk=1).update(n=0)

        def second() -> None:
            with transaction.atomic():
                assert Record.objects.get(pk=1).n > 0
                Record.objects.filter(pk=2).update(n=0)

        first()
        assert (n_of(1), n_of(2)) == (0, 0)

    def test_select_for_update_prevents_write_skew(self, elsewhere: Elsewhere) -> None:
        def second() -> None:
            with transaction.atomic():
                assert Record.objects.select_for_update().get(pk=1).n > 0
                Record.objects.filter(pk=2).update(n=0)

        with fails(TransactionFailedError), transaction.atomic():
            assert Record.objects.select_for_update().get(pk=2).n > 0
            elsewhere(second)
            Record.objects.filter(pk=1).update(n=0)
        assert (n_of(1), n_of(2)) == (1, 0)


class TestSerializable:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        """Draw ids at random, which reads nothing."""
        return {}

    def test_it_reads_and_commits_in_a_transaction_of_the_store(self) -> None:
        with capture_rpcs() as rpcs, atomic(isolation="serializable"):
            row = Record.objects.get(pk=1)
            row.n = 100
            row.save()
        assert rpcs.methods == ["BeginTransaction", "Lookup", "Commit"]
        assert n_of(1) == 100

    def test_what_it_wrote_is_seen_inside(self) -> None:
        with atomic(isolation="serializable"):
            Record.objects.create(pk=10, n=10)
            Record.objects.filter(pk=1).update(n=11)
            assert [row.n for row in Record.objects.filter(pk__in=[1, 10]).order_by("pk")] == [11, 10]

    def test_write_skew_is_prevented(self, elsewhere: Elsewhere) -> None:
        """On a store with locks the one inside waits for the other's lock and fails, on one without them the outer one does."""
        failed: list[str] = []

        def second() -> None:
            try:
                with atomic(isolation="serializable"):
                    assert Record.objects.get(pk=1).n > 0
                    Record.objects.filter(pk=2).update(n=0)
            except TransactionFailedError:
                failed.append("second")

        try:
            with atomic(isolation="serializable"):
                assert Record.objects.get(pk=2).n > 0
                elsewhere(second)
                Record.objects.filter(pk=1).update(n=0)
        except TransactionFailedError:
            failed.append("first")
        assert len(failed) == 1
        assert sorted((n_of(1), n_of(2)))[0] == 0 < sorted((n_of(1), n_of(2)))[1]

    @pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
    def test_it_is_rolled_back_on_any_exception(self, error: type[BaseException]) -> None:
        with capture_rpcs() as rpcs, fails(error), atomic(isolation="serializable"):
            Record.objects.get(pk=1)
            Record.objects.filter(pk=1).update(n=0)
            raise error
        assert rpcs.methods == ["BeginTransaction", "Lookup", "Rollback"]
        assert n_of(1) == 1

    def test_without_a_read_it_begins_nothing(self) -> None:
        with capture_rpcs() as rpcs, atomic(isolation="serializable"):
            Record.objects.create(n=20)
        assert rpcs.methods == ["Commit"]

    def test_without_a_write_it_is_rolled_back(self) -> None:
        with capture_rpcs() as rpcs, atomic(isolation="serializable"):
            Record.objects.get(pk=1)
        assert rpcs.methods == ["BeginTransaction", "Lookup", "Rollback"]

    def test_queries_run_in_it_or_say_why_not(self) -> None:
        if connection.session.capabilities.queries_in_transactions:
            with atomic(isolation="serializable"):
                assert Record.objects.filter(n__gt=3).count() == 2
                assert len(Record.objects.filter(n__gt=3)) == 2
        else:
            with fails(NotSupportedError, "query_outside=True"), atomic(isolation="serializable"):
                list(Record.objects.filter(n__gt=3))

    def test_queries_may_be_run_outside_of_it_and_see_what_it_wrote(self) -> None:
        with atomic(isolation="serializable", query_outside=True):
            Record.objects.filter(pk=1).update(n=7)
            Record.objects.filter(pk=5).delete()
            assert sorted(Record.objects.filter(n__gt=2).values_list("pk", flat=True)) == [1, 3, 4]
            Record.objects.filter(n__gt=2).update(m=5)
        assert sorted(Record.objects.filter(m=5).values_list("pk", flat=True)) == [1, 3, 4]

    def test_a_nested_block_joins_it(self) -> None:
        with atomic(isolation="serializable") as outer, atomic() as inner, transaction.atomic():
            assert inner is outer

    def test_inside_another_it_cannot_be_asked_for(self) -> None:
        with transaction.atomic(), pytest.raises(TransactionManagementError, match="isolation"), atomic(isolation="serializable"):
            pass

    def test_an_unknown_isolation_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="'snapshot', 'serializable'"):
            atomic(isolation="chaos")  # type: ignore[call-overload]


class TestReadOnly:
    def test_it_reads_and_commits_nothing(self) -> None:
        with capture_rpcs() as rpcs, atomic(read_only=True):
            Record.objects.get(pk=1)
            list(Record.objects.filter(n=2))
        assert rpcs.methods == ["Lookup", "RunQuery"]

    @pytest.mark.parametrize(
        "write",
        [
            lambda: Record.objects.create(),
            lambda: Record.objects.filter(pk=1).update(n=0),
            lambda: Record.objects.update(n=0),
            lambda: Record.objects.filter(pk=1).delete(),
            lambda: Record(pk=1).save(),
            lambda: Record.objects.bulk_create([Record(pk=30)]),
        ],
        ids=["create", "update", "update all", "delete", "save", "bulk_create"],
    )
    def test_writing_is_an_error(self, write: Callable[[], Any]) -> None:
        with pytest.raises(TransactionManagementError, match="read-only"), atomic(read_only=True):
            write()
        assert sorted(Record.objects.values_list("n", flat=True)) == [1, 2, 3, 4, 5]

    def test_a_read_only_block_inside_another_forbids_writing_there_alone(self) -> None:
        with atomic():
            with atomic(read_only=True), pytest.raises(TransactionManagementError, match="read-only"):
                Record.objects.bulk_create([Record(pk=30)])
            Record.objects.bulk_create([Record(pk=31)])
        assert Record.objects.filter(pk__in=[30, 31]).get().pk == 31

    def test_a_serializable_one_is_a_read_only_transaction_of_the_store(self) -> None:
        with capture_rpcs() as rpcs, atomic(isolation="serializable", read_only=True):
            assert n_of(1) == 1
            assert n_of(2) == 2
        assert rpcs.methods == ["BeginTransaction", "Lookup", "Lookup", "Rollback"]


class TestReadTime:
    def now(self) -> dt.datetime:
        """Return a moment after everything that was written before."""
        moments: list[dt.datetime] = []
        from kindstore.core.datamodel import KEY, Column, Query, Shape
        from kindstore.core.driver import ReadOptions

        session = connection.session
        query = Query("records_author", session.namespace(), limit=1)
        list(session.store.run_query(query, Shape((Column(KEY),)), ReadOptions(on_read_time=moments.append)))
        return moments[0]

    def test_it_shows_the_state_of_that_moment_or_says_that_it_cannot(self) -> None:
        if not connection.session.capabilities.read_time:
            moment = dt.datetime.now(dt.UTC)
            with pytest.raises(NotSupportedError, match="past moment"), atomic(read_time=moment):
                pass
            return
        moment = self.now()
        Record.objects.filter(pk=1).update(n=100)
        Record.objects.create(pk=6, n=6)
        with atomic(read_time=moment):
            assert n_of(1) == 1
            assert Record.objects.count() == 5
            assert sorted(Record.objects.values_list("n", flat=True)) == [1, 2, 3, 4, 5]
        assert n_of(1) == 100

    def test_a_naive_moment_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            atomic(read_time=dt.datetime(2024, 1, 1))  # noqa: DTZ001

    def test_it_cannot_be_serializable_too(self) -> None:
        with pytest.raises(ValueError, match="Leave isolation out"):
            atomic(read_time=dt.datetime.now(dt.UTC), isolation="serializable")

    def test_it_cannot_write(self) -> None:
        if connection.session.capabilities.read_time:
            moment = self.now()
            with pytest.raises(TransactionManagementError, match="read-only"), atomic(read_time=moment):
                Record.objects.bulk_create([Record(pk=30)])
        assert Record.objects.count() == 5

    def test_inside_a_transaction_it_is_an_error(self) -> None:
        with (
            transaction.atomic(),
            pytest.raises(TransactionManagementError, match="another moment"),
            atomic(read_time=dt.datetime.now(dt.UTC)),
        ):
            pass


class TestReadingForUpdate:
    """select_for_update: the rows that are read are guarded."""

    def test_a_change_of_a_row_that_was_only_read_makes_the_commit_fail(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            assert Record.objects.select_for_update().get(pk=1).n == 1
            elsewhere(setting(1, n=100))
            Record.objects.create(pk=10)
        assert not Record.objects.filter(pk=10).exists()

    @pytest.mark.parametrize(
        "read",
        [
            lambda: list(Record.objects.select_for_update().filter(n=1)),
            lambda: list(Record.objects.select_for_update().filter(pk__in=[1, 2])),
            lambda: list(Record.objects.select_for_update().order_by("n")[:2]),
            lambda: list(Record.objects.select_for_update().filter(n=1).values_list("name")),
            lambda: list(Record.objects.select_for_update().filter(n=1).values_list("pk")),
            lambda: list(Record.objects.select_for_update().exclude(n=3)),
            lambda: Record.objects.select_for_update().first(),
        ],
        ids=["query", "keys", "slice", "values", "keys only", "exclude", "first"],
    )
    def test_rows_of_any_query_are_guarded(self, elsewhere: Elsewhere, read: Callable[[], Any]) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            read()
            elsewhere(setting(1, m=100))
            Record.objects.create(pk=10)
        assert not Record.objects.filter(pk=10).exists()

    @pytest.mark.parametrize("pk", range(1, 6))
    def test_distinct_guards_every_row_of_a_group(self, elsewhere: Elsewhere, pk: int) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            assert list(Record.objects.select_for_update().values_list("flag").distinct()) == [(False,)]
            elsewhere(setting(pk, n=100))
            Record.objects.create(pk=10)

    def test_without_it_the_same_commit_succeeds(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            assert Record.objects.get(pk=1).n == 1
            elsewhere(setting(1, n=100))
            Record.objects.create(pk=10)
        assert Record.objects.filter(pk=10).exists()

    def test_a_change_of_another_row_does_not_matter(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            Record.objects.select_for_update().get(pk=1)
            elsewhere(setting(2, n=100))
            Record.objects.create(pk=10)
        assert Record.objects.filter(pk=10).exists()

    def test_a_deleted_row_makes_the_commit_fail(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            Record.objects.select_for_update().get(pk=1)
            elsewhere(lambda: Record.objects.filter(pk=1).delete())
            Record.objects.create(pk=10)

    def test_even_a_block_that_writes_nothing_fails(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            Record.objects.select_for_update().get(pk=1)
            elsewhere(setting(1, n=100))

    def test_the_guard_leaves_the_row_as_it_is(self) -> None:
        before = Record.objects.values().get(pk=1)
        with transaction.atomic():
            Record.objects.select_for_update().get(pk=1)
            Record.objects.create(pk=10)
        assert Record.objects.values().get(pk=1) == before

    def test_a_row_that_is_read_and_written_is_written_once(self) -> None:
        with transaction.atomic(), capture_rpcs() as rpcs:
            row = Record.objects.select_for_update().get(pk=1)
            row.n = 100
            row.save()
        assert n_of(1) == 100
        assert rpcs.methods == ["Lookup"]

    def test_a_row_that_the_block_created_may_be_locked(self) -> None:
        with transaction.atomic():
            Record.objects.create(pk=10, n=10)
            assert Record.objects.select_for_update().get(pk=10).n == 10
            assert [row.pk for row in Record.objects.select_for_update().filter(n__gt=4).order_by("pk")] == [5, 10]
        assert n_of(10) == 10

    def test_a_row_that_is_locked_and_then_deleted_is_deleted(self) -> None:
        with transaction.atomic():
            Record.objects.select_for_update().get(pk=1).delete()
        assert not Record.objects.filter(pk=1).exists()

    def test_get_or_create_and_update_or_create_lock(self) -> None:
        with transaction.atomic():
            row, created = Record.objects.select_for_update().get_or_create(pk=1, defaults={"n": 9})
            assert (row.n, created) == (1, False)
        row, created = Record.objects.update_or_create(pk=1, defaults={"n": 9})
        assert (row.n, created) == (9, False)

    def test_in_a_serializable_block_the_store_guards(self, elsewhere: Elsewhere) -> None:
        with atomic(isolation="serializable"):
            row = Record.objects.select_for_update().get(pk=1)
            row.n = 50
            row.save()
        assert n_of(1) == 50

    @pytest.mark.parametrize("option", [{"nowait": True}, {"skip_locked": True}, {"no_key": True}, {"of": ("self",)}], ids=str)
    def test_an_option_that_means_nothing_here_is_an_error(self, option: dict[str, Any]) -> None:
        (name,) = option
        with transaction.atomic(), pytest.raises(NotSupportedError, match=f"Leave {name} out"), transaction.atomic():
            Record.objects.select_for_update(**option).get(pk=1)

    def test_outside_a_transaction_it_is_an_error(self) -> None:
        with pytest.raises(TransactionManagementError, match="outside of a transaction"):
            Record.objects.select_for_update().get(pk=1)
        with pytest.raises(TransactionManagementError, match="outside of a transaction"):
            list(Record.objects.select_for_update().filter(n=1))


class TestReadingForUpdateWithTheRelationalPlugin:
    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["transactions", "constraints", "relational"]

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"ids": "sequential", "relational": {"policy": "allow"}}

    @pytest.fixture(autouse=True)
    def authors(self, five: None) -> None:  # noqa: ARG002
        Author.objects.bulk_create([Author(pk=1, name="one"), Author(pk=2, name="two")])
        Record.objects.filter(pk__lte=2).update(author_id=1)
        Record.objects.filter(pk__gt=2).update(author_id=2)

    READS = (
        lambda: list(Record.objects.select_for_update().filter(author__name="one")),
        lambda: list(Record.objects.select_for_update().select_related("author").filter(pk=1)),
        lambda: list(Record.objects.select_for_update().filter(name__icontains="W 1")),
        lambda: list(Record.objects.select_for_update().filter(author__in=Author.objects.filter(name="one"))),
    )

    @pytest.mark.parametrize("read", READS, ids=["join", "select_related", "contains", "subquery"])
    def test_rows_of_an_emulated_query_are_guarded(self, elsewhere: Elsewhere, read: Callable[[], Any]) -> None:
        with fails(TransactionFailedError), transaction.atomic():
            assert read()
            elsewhere(setting(1, n=100))
            Record.objects.create(pk=10)
        assert not Record.objects.filter(pk=10).exists()

    def test_rows_of_another_table_are_not(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            assert list(Record.objects.select_for_update().filter(author__name="one"))
            elsewhere(lambda: Author.objects.filter(pk=1).update(born=1900))
            Record.objects.create(pk=10)
        assert Record.objects.filter(pk=10).exists()

    @pytest.mark.parametrize("option", [{"nowait": True}, {"skip_locked": True}, {"no_key": True}, {"of": ("author",)}], ids=str)
    def test_an_option_that_means_nothing_here_is_an_error(self, option: dict[str, Any]) -> None:
        (name,) = option
        with transaction.atomic(), pytest.raises(NotSupportedError, match=f"Leave {name} out"), transaction.atomic():
            list(Record.objects.select_for_update(**option).filter(author__name="one"))

    def test_outside_a_transaction_it_is_an_error(self) -> None:
        with pytest.raises(TransactionManagementError, match="outside of a transaction"):
            list(Record.objects.select_for_update().filter(author__name="one"))
