"""How much a block may write: on a store that takes 25 entity groups in one commit, and on those that take more."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import query
from django.db.utils import DatabaseError, NotSupportedError
from records.models import Author, Record

from kindstore.plugins.transactions import SplitTransactionWarning, TransactionFailedError, atomic
from kindstore.testing import capture_rpcs, connection_with

from .blocks import fails

ROWS = 60


def is_small() -> bool:
    """Tell whether the store takes few entity groups in one commit."""
    return connection.session.capabilities.entity_groups is not None


def parts() -> int:
    """Return in how many commits sixty rows are written."""
    return -(-ROWS // (connection.session.capabilities.entity_groups or ROWS))


def write(rows: int = ROWS) -> None:
    for pk in range(1, rows + 1):
        Record(pk=pk, n=pk).save(force_insert=True)


# Whether bulk_create() is a block to Django whatever the keys: in later versions a mere statement, which is cut without a word.
BULK_CREATE_IS_A_BLOCK = not hasattr(query, "nullcontext")


@contextmanager
def warned(is_block: bool = True) -> Iterator[None]:
    """Expect the warning about a split on a store with small commits, and none on others."""
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        yield
    assert [message.category for message in messages] == [SplitTransactionWarning] * (is_small() and is_block)


class TestManyEntityGroups:
    """TXN-15, LIM-10: the limit of 25 is that of the legacy store alone."""

    def test_a_block_of_as_many_as_the_store_takes_is_one_commit(self) -> None:
        rows = connection.session.capabilities.entity_groups or 100
        with capture_rpcs() as rpcs, atomic():
            write(rows)
        assert rpcs.methods.count("Commit") == 1
        assert Record.objects.count() == rows

    def test_a_block_of_more_is_an_error_and_writes_nothing(self) -> None:
        if not is_small():
            with atomic():
                write()
            assert Record.objects.count() == ROWS
            return
        with fails(NotSupportedError, "25 entity groups.*allow_split"), atomic():
            write()
        assert Record.objects.count() == 0

    def test_djangos_atomic_is_no_different(self) -> None:
        if is_small():
            with fails(NotSupportedError, "60 entities in 60 entity groups"), transaction.atomic():
                write()
        assert Record.objects.count() == 0

    def test_a_row_may_be_written_often(self) -> None:
        with atomic():
            for n in range(100):
                Record(pk=1, n=n).save()
        assert Record.objects.get().n == 99

    def test_it_may_be_split_if_asked_for(self) -> None:
        with capture_rpcs() as rpcs, warned(), atomic(allow_split=True):
            write()
        assert Record.objects.count() == ROWS
        assert rpcs.methods.count("Commit") == parts()

    def test_the_warning_says_what_is_not_atomic(self) -> None:
        if is_small():
            with pytest.warns(SplitTransactionWarning, match="if a later one fails the earlier ones stay"), atomic(allow_split=True):
                write()
        assert Record.objects.count() in (0, ROWS)

    def test_a_block_that_is_joined_cannot_ask_for_it(self) -> None:
        with atomic(), pytest.raises(transaction.TransactionManagementError, match="allow_split"), atomic(allow_split=True):
            pass

    def test_a_serializable_block_is_never_split(self) -> None:
        if is_small():
            with fails(DatabaseError, "too many entity groups"), atomic(isolation="serializable", allow_split=True):
                write()
        assert Record.objects.count() == 0

    def test_what_a_later_part_meets_says_how_much_is_written(self) -> None:
        if not is_small():
            return
        taken = Record.objects.create(pk=ROWS, name="taken")
        with capture_rpcs(), warnings.catch_warnings(), fails((IntegrityError, TransactionFailedError), "had been written"):  # type: ignore[arg-type]
            warnings.simplefilter("ignore", SplitTransactionWarning)
            Record.objects.bulk_create([Record(pk=pk) for pk in range(1, ROWS + 1)])
        assert Record.objects.get(pk=ROWS).name == taken.name
        assert 0 < Record.objects.count() < ROWS


class TestOption:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"ids": "sequential", "transactions": {"allow_split": True}}

    def test_it_lets_every_block_be_split(self) -> None:
        with warned(), transaction.atomic():
            write()
        assert Record.objects.count() == ROWS


def test_the_option_is_true_or_false() -> None:
    with (
        pytest.raises(ImproperlyConfigured, match="allow_split"),
        connection_with(["transactions"], options={"transactions": {"allow_split": "yes"}}) as other,
    ):
        assert other.session


class TestOneCall:
    """What one call of the ORM writes is split without being asked: BAT-02, BAT-04, DEL-03, LIM-01, LIM-02, LIM-11."""

    def test_bulk_create(self) -> None:
        with capture_rpcs() as rpcs, warned(BULK_CREATE_IS_A_BLOCK):
            Record.objects.bulk_create([Record(pk=pk) for pk in range(1, ROWS + 1)])
        assert Record.objects.count() == ROWS
        assert rpcs.methods.count("Commit") == parts()

    def test_delete(self) -> None:
        author = Author.objects.create(pk=1)
        with warned(BULK_CREATE_IS_A_BLOCK):
            Record.objects.bulk_create([Record(pk=pk, author=author) for pk in range(1, ROWS + 1)])
        with warned():
            assert author.delete() == (ROWS + 1, {"records.Record": ROWS, "records.Author": 1})
        assert not Record.objects.exists()
        assert not Author.objects.exists()

    def test_bulk_update(self) -> None:
        with warned(BULK_CREATE_IS_A_BLOCK):
            rows = Record.objects.bulk_create([Record(pk=pk) for pk in range(1, ROWS + 1)])
        for row in rows:
            row.n = 7
        with warned():
            assert Record.objects.bulk_update(rows, ["n"]) == ROWS
        assert Record.objects.filter(n=7).count() == ROWS

    def test_loaddata(self, tmp_path: Any) -> None:
        fixture = tmp_path / "rows.json"
        rows = [{"model": "records.record", "pk": pk, "fields": {"name": f"row {pk}"}} for pk in range(1, ROWS + 1)]
        fixture.write_text(str(rows).replace("'", '"'))
        with warned():
            call_command("loaddata", str(fixture), verbosity=0)
        assert Record.objects.count() == ROWS

    def test_a_statement_outside_of_a_block_needs_none(self) -> None:
        with warned(BULK_CREATE_IS_A_BLOCK):
            Record.objects.bulk_create([Record(pk=pk) for pk in range(1, ROWS + 1)])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Record.objects.update(n=1) == ROWS

    @pytest.mark.parametrize("inside", [False, True], ids=["outside a block", "in a block that may be split"])
    def test_a_key_that_is_taken_leaves_nothing_of_its_part(self, inside: bool) -> None:
        Record.objects.create(pk=3, name="taken")
        rows = [Record(pk=pk) for pk in range(1, 11)]

        def create() -> None:
            Record.objects.bulk_create(rows)

        run: Callable[[], None] = atomic(allow_split=True)(create) if inside else create
        with pytest.raises(IntegrityError):
            run()
        assert [row.name for row in Record.objects.all()] == ["taken"]


class TestManyRows:
    def test_twelve_hundred_rows_get_their_keys(self) -> None:
        """BAT-02."""
        with warned(BULK_CREATE_IS_A_BLOCK):
            rows = Record.objects.bulk_create(Record(n=n) for n in range(1200))
        assert len({row.pk for row in rows}) == Record.objects.count() == 1200

    def test_a_block_of_a_thousand_rows_is_one_commit_where_the_store_takes_it(self) -> None:
        if not is_small():
            with capture_rpcs() as rpcs, atomic():
                Record.objects.bulk_create([Record(pk=pk) for pk in range(1, 1001)])
                Record.objects.filter(pk__gt=900).delete()
            assert rpcs.methods.count("Commit") == 1
        assert Record.objects.count() in (0, 900)
