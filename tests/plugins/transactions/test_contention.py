"""Somebody else's change between a read and the commit: statements and Django's own blocks are run again, a user's block fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import IntegrityError, connections, transaction
from django.db.models import F
from records.models import Author, Record
from relations.models import Book, Shelf

from kindstore.plugins.transactions import TransactionFailedError, atomic

from .blocks import Elsewhere, Stop, fails

RELATIONAL = {"ids": "sequential", "relational": {"policy": "allow"}}


def overwrite(pk: int, **values: Any) -> Callable[[], Any]:
    return lambda: Record.objects.filter(pk=pk).update(**values)


def remove(pk: int) -> Callable[[], Any]:
    return lambda: Record.objects.filter(pk=pk).delete()


@pytest.mark.usefixtures("five")
class TestStatements:
    """Outside a block: BAT-05, CON-05."""

    def test_an_update_counts_somebody_elses_change(self, interfering: Any) -> None:
        interfering(overwrite(2, n=100))
        assert Record.objects.filter(m=None).update(n=F("n") + 1) == 2
        assert Record.objects.get(pk=2).n == 101

    def test_an_update_leaves_a_row_alone_that_no_longer_matches(self, interfering: Any) -> None:
        interfering(overwrite(2, m=1))
        assert Record.objects.filter(m=None).update(n=F("n") + 1) == 1
        assert Record.objects.get(pk=2).n == 2

    def test_an_update_does_not_lose_another_column(self, interfering: Any) -> None:
        interfering(overwrite(2, name="theirs"))
        assert Record.objects.filter(m=None).update(n=F("n") + 1) == 2
        assert Record.objects.values_list("n", "name").get(pk=2) == (3, "theirs")

    def test_a_delete_spares_a_row_that_no_longer_matches(self, interfering: Any) -> None:
        """Django has counted two rows by then, so that the call fails: what it would return is wrong."""
        interfering(overwrite(2, m=1))
        with pytest.raises(TransactionFailedError):
            Record.objects.filter(m=None).delete()
        assert Record.objects.count() == 5
        assert Record.objects.filter(m=None).delete()[0] == 1


@pytest.mark.usefixtures("five")
class TestDjangosOwnBlocks:
    """They are one call to their caller: where somebody else was faster, its statements are run again."""

    def test_bulk_update(self, interfering: Any) -> None:
        rows = list(Record.objects.order_by("pk"))
        for row in rows:
            row.n += 10
        interfering(overwrite(2, name="theirs"))
        assert Record.objects.bulk_update(rows, ["n"]) == 5
        assert list(Record.objects.order_by("pk").values_list("n", flat=True)) == [11, 12, 13, 14, 15]
        assert Record.objects.get(pk=2).name == "theirs"

    def test_bulk_update_by_expressions(self, interfering: Any) -> None:
        rows = list(Record.objects.order_by("pk"))
        for row in rows:
            row.n = F("n") + 10
        interfering(overwrite(2, n=100))
        assert Record.objects.bulk_update(rows, ["n"]) == 5
        assert list(Record.objects.order_by("pk").values_list("n", flat=True)) == [11, 110, 13, 14, 15]

    def test_bulk_update_of_a_row_that_is_gone_meanwhile(self, interfering: Any) -> None:
        rows = list(Record.objects.order_by("pk"))
        for row in rows:
            row.n += 10
        interfering(remove(2))
        with suppress(TransactionFailedError):
            assert Record.objects.bulk_update(rows, ["n"]) == 4
        assert not Record.objects.filter(pk=2).exists()

    def test_delete_of_a_row(self, interfering: Any) -> None:
        row = Record.objects.get(pk=2)
        interfering(overwrite(2, n=100))
        assert row.delete() == (1, {"records.Record": 1})
        assert not Record.objects.filter(pk=2).exists()

    def test_delete_of_a_parent_with_its_rows(self, interfering: Any) -> None:
        author = Author.objects.create(pk=1)
        Record.objects.filter(pk__lte=3).update(author=author)
        interfering(overwrite(2, n=100))
        assert author.delete()[0] == 4
        assert sorted(Record.objects.values_list("pk", flat=True)) == [4, 5]

    def test_delete_of_a_query(self, interfering: Any) -> None:
        interfering(overwrite(2, n=100))
        Record.objects.filter(pk__in=[1, 2, 3]).delete()
        assert sorted(Record.objects.values_list("pk", flat=True)) == [4, 5]

    def test_update_or_create_of_a_row_that_is_there(self, interfering: Any) -> None:
        interfering(overwrite(2, name="theirs"))
        row, created = Record.objects.update_or_create(pk=2, defaults={"n": 200})
        assert (row.n, created) == (200, False)
        assert Record.objects.get(pk=2).n == 200

    def test_save_of_a_row_with_a_parent_table(self, interfering: Any) -> None:
        from relations.models import Person, Writer

        writer = Writer(name="Ann", pseudonym="A.")
        writer.save()
        interfering(lambda: Person.objects.filter(pk=writer.pk).update(born=1900))
        writer.pseudonym = "B."
        writer.save()
        assert Writer.objects.values_list("pseudonym", flat=True).get(pk=writer.pk) == "B."


class TestCreation:
    """KEY-05, KEY-08, and the races of get_or_create and update_or_create."""

    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["transactions", "constraints"]

    def test_creating_a_row_of_a_key_that_is_taken_is_an_error_and_leaves_the_first(self) -> None:
        Record.objects.create(pk=1, name="first")
        with pytest.raises(IntegrityError):
            Record.objects.create(pk=1, name="second")
        with pytest.raises(IntegrityError):
            Record(pk=1, name="third").save(force_insert=True)
        assert Record.objects.get().name == "first"

    def test_somebody_else_creates_the_row_between_the_look_and_the_insert(self, interfering: Any) -> None:
        interfering(lambda: Record.objects.create(pk=1, name="theirs"))
        row, created = Record.objects.get_or_create(pk=1, defaults={"name": "ours"})
        assert (row.name, created) == ("theirs", False)

    def test_somebody_else_creates_the_unique_value_between_the_look_and_the_insert(self, interfering: Any) -> None:
        interfering(lambda: Group.objects.create(name="editors"))
        group, created = Group.objects.get_or_create(name="editors")
        assert not created
        assert Group.objects.get() == group

    def test_update_or_create_updates_what_somebody_else_created(self, interfering: Any) -> None:
        interfering(lambda: Record.objects.create(pk=1, name="theirs", n=1))
        row, created = Record.objects.update_or_create(pk=1, defaults={"n": 5})
        assert (created, row.n) == (False, 5)
        assert Record.objects.values_list("name", "n").get() == ("theirs", 5)

    @pytest.mark.parametrize("method", ["get_or_create", "update_or_create"])
    def test_of_many_threads_one_creates(self, method: str, django_db_blocker: Any) -> None:
        def run(number: int) -> bool:
            with django_db_blocker.unblock():
                try:
                    return bool(getattr(Group.objects, method)(name="editors")[1])
                finally:
                    connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(run, range(4))) == 1
        assert Group.objects.count() == 1

    def test_a_unique_value_that_is_taken_fails_at_the_statement(self) -> None:
        Group.objects.create(name="editors")
        with transaction.atomic():
            with pytest.raises(IntegrityError, match="name"), transaction.atomic():
                Group.objects.create(name="editors")
            Group.objects.create(name="writers")
        assert sorted(Group.objects.values_list("name", flat=True)) == ["editors", "writers"]

    def test_a_bulk_create_with_a_unique_value_that_is_taken_leaves_nothing_half(self) -> None:
        Group.objects.create(name="editors")
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                Group.objects.bulk_create([Group(name="writers"), Group(name="editors"), Group(name="readers")])
            assert Group.objects.count() == 1
        assert Group.objects.get().name == "editors"
        assert Group.objects.bulk_create([Group(name="writers"), Group(name="readers")])

    def test_values_are_swapped_in_one_block(self) -> None:
        one, two = Group.objects.create(name="one"), Group.objects.create(name="two")
        with transaction.atomic():
            Group.objects.filter(pk=one.pk).update(name="free")
            Group.objects.filter(pk=two.pk).update(name="one")
            Group.objects.filter(pk=one.pk).update(name="two")
        assert dict(Group.objects.values_list("pk", "name")) == {one.pk: "two", two.pk: "one"}

    def test_a_value_of_a_block_that_was_undone_is_free(self) -> None:
        with suppress(Stop), transaction.atomic():
            Group.objects.create(name="editors")
            raise Stop
        Group.objects.create(name="editors")

    def test_a_value_that_a_block_deleted_is_free_in_it(self) -> None:
        Group.objects.create(pk=1, name="editors")
        with transaction.atomic():
            Group.objects.filter(pk=1).delete()
            Group.objects.create(pk=2, name="editors")
        assert Group.objects.get().pk == 2


class TestManyToMany:
    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["transactions", "constraints", "relational"]

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return RELATIONAL

    @pytest.fixture
    def shelf(self) -> Shelf:
        shelf = Shelf.objects.create(pk=1, name="top")
        Book.objects.bulk_create(Book(pk=pk, title=f"book {pk}") for pk in range(1, 6))
        return shelf

    def ids(self) -> list[int]:
        return sorted(Shelf.objects.get(pk=1).books.values_list("pk", flat=True))

    def test_add(self, shelf: Shelf) -> None:
        shelf.books.add(1, 2)
        assert self.ids() == [1, 2]

    def test_add_where_somebody_else_adds_the_same(self, shelf: Shelf, interfering: Any) -> None:
        interfering(lambda: Shelf.objects.get(pk=1).books.add(2))
        shelf.books.add(1, 2, 3)
        assert self.ids() == [1, 2, 3]

    def test_remove_where_somebody_else_removes_the_same(self, shelf: Shelf, interfering: Any) -> None:
        shelf.books.add(1, 2, 3)
        interfering(lambda: Shelf.objects.get(pk=1).books.remove(2))
        shelf.books.remove(1, 2)
        assert self.ids() == [3]

    def test_set(self, shelf: Shelf) -> None:
        shelf.books.add(1, 2, 3)
        shelf.books.set([3, 4])
        assert self.ids() == [3, 4]

    def test_clear(self, shelf: Shelf) -> None:
        shelf.books.add(1, 2, 3)
        shelf.books.clear()
        assert self.ids() == []

    def test_set_in_a_block_that_is_undone(self, shelf: Shelf) -> None:
        shelf.books.add(1)
        with suppress(Stop), transaction.atomic():
            shelf.books.set([4, 5])
            assert self.ids() == [4, 5]
            raise Stop
        assert self.ids() == [1]

    def test_users_and_groups(self) -> None:
        user = User.objects.create(username="ann")
        group = Group.objects.create(name="editors")
        with transaction.atomic():
            user.groups.add(group)
            assert user.groups.get() == group
        assert list(group.user_set.all()) == [user]


@pytest.mark.usefixtures("five")
class TestUsersBlocks:
    """TXN-22: only the user knows what depends on what was read."""

    def test_two_who_change_one_row(self, elsewhere: Elsewhere) -> None:
        with fails(TransactionFailedError, "atomic\\(retries=3\\)"), transaction.atomic():
            row = Record.objects.get(pk=1)
            elsewhere(overwrite(1, n=100))
            row.n += 1
            row.save()
        assert Record.objects.get(pk=1).n == 100

    def test_an_increment_in_a_block_is_not_lost_beside_somebody_elses(self, django_db_blocker: Any) -> None:
        @atomic(retries=200)
        def increment() -> None:
            row = Record.objects.get(pk=1)
            row.n += 1
            row.save()

        def run(_number: int) -> None:
            with django_db_blocker.unblock():
                try:
                    for _ in range(5):
                        increment()
                finally:
                    connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(4)))
        assert Record.objects.get(pk=1).n == 21

    def test_blind_writes_do_not_conflict(self, elsewhere: Elsewhere) -> None:
        with transaction.atomic():
            Record.objects.create(pk=10)
            elsewhere(lambda: Record.objects.create(pk=11))
        assert Record.objects.filter(pk__in=[10, 11]).count() == 2
