"""Deleting a row with what refers to it: one block of Django's, which is committed whole where the store takes it whole."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from deletions.models import DEFAULT, Cascading, Grandchild, LeftAlone, Parent, Protected, Restricted, SetByFunction, SetDefault, SetNull
from django.db import DatabaseError, connection, transaction
from django.db.models import F, ProtectedError, RestrictedError
from django.db.models.signals import post_delete, pre_delete
from records.models import Record

from kindstore.plugins.transactions import SplitTransactionWarning
from kindstore.testing import assertNumRPCs, capture_rpcs

from .blocks import Elsewhere, Stop, fails

pytestmark = pytest.mark.filterwarnings(f"ignore::{SplitTransactionWarning.__module__}.{SplitTransactionWarning.__qualname__}")


@pytest.fixture
def parent() -> Parent:
    made: Parent = Parent.objects.create(pk=2, name="parent")
    return made


class TestWhatBecomesOfTheChildren:
    """DEL-01, DEL-02, DEL-06."""

    def test_a_cascade_goes_all_the_way_down(self, parent: Parent) -> None:
        children = Cascading.objects.bulk_create([Cascading(parent=parent) for _ in range(3)])
        Grandchild.objects.bulk_create([Grandchild(child=child) for child in children])
        count, by_model = parent.delete()
        assert count == 7
        assert by_model == {"deletions.Parent": 1, "deletions.Cascading": 3, "deletions.Grandchild": 3}
        assert not Cascading.objects.exists()
        assert not Grandchild.objects.exists()

    def test_a_parent_of_a_hundred_rows(self, parent: Parent) -> None:
        Cascading.objects.bulk_create([Cascading(parent=parent) for _ in range(100)])
        assert parent.delete()[0] == 101
        assert not Cascading.objects.exists()

    @pytest.mark.parametrize(("model", "error"), [(Protected, ProtectedError), (Restricted, RestrictedError)])
    def test_a_row_that_is_referred_to_may_be_protected(self, parent: Parent, model: Any, error: type[Exception]) -> None:
        model.objects.create(parent=parent)
        Cascading.objects.create(parent=parent)
        with pytest.raises(error):
            parent.delete()
        assert Parent.objects.filter(pk=2).exists()
        assert Cascading.objects.count() == 1

    def test_a_reference_may_become_null(self, parent: Parent) -> None:
        SetNull.objects.create(parent=parent)
        parent.delete()
        assert SetNull.objects.get().parent_id is None

    def test_a_reference_may_become_the_default(self, parent: Parent) -> None:
        SetDefault.objects.create(parent=parent)
        parent.delete()
        assert SetDefault.objects.get().parent_id == DEFAULT

    def test_a_function_may_say_what_a_reference_becomes(self, parent: Parent) -> None:
        SetByFunction.objects.create(parent=parent)
        parent.delete()
        assert SetByFunction.objects.get().parent.pk == DEFAULT

    def test_a_reference_may_be_left_dangling(self, parent: Parent) -> None:
        """DEL-04, DEL-05: nothing in the store minds."""
        LeftAlone.objects.create(parent=parent)
        parent.delete()
        row = LeftAlone.objects.get()
        assert row.parent_id == 2
        with pytest.raises(Parent.DoesNotExist):
            _ = row.parent


class TestAtOnce:
    """DEL-03."""

    def test_a_parent_and_its_children_are_one_commit(self, parent: Parent) -> None:
        Cascading.objects.bulk_create([Cascading(parent=parent) for _ in range(10)])
        SetNull.objects.create(parent=parent)
        with capture_rpcs() as rpcs:
            parent.delete()
        assert rpcs.methods.count("Commit") == 1

    def test_where_the_commit_fails_nothing_is_deleted(self, parent: Parent, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_arguments: Any) -> Any:
            raise DatabaseError("No.")

        Cascading.objects.bulk_create([Cascading(parent=parent) for _ in range(10)])
        SetNull.objects.create(parent=parent)
        with monkeypatch.context() as patch, fails(DatabaseError):
            patch.setattr(connection.session.store, "_commit", refuse)
            parent.delete()
        assert Parent.objects.filter(pk=2).exists()
        assert Cascading.objects.count() == 10
        assert SetNull.objects.get().parent_id == 2

    def test_a_block_that_is_undone_keeps_all(self, parent: Parent) -> None:
        Cascading.objects.create(parent=parent)
        with suppress(Stop), transaction.atomic():
            parent.delete()
            assert not Cascading.objects.exists()
            raise Stop
        assert Cascading.objects.get().parent_id == 2

    def test_signals_are_sent_before_the_commit(self, parent: Parent, elsewhere: Elsewhere) -> None:
        seen: list[Any] = []

        def note(sender: Any, **_options: Any) -> None:
            if sender is Parent:
                seen.append((Parent.objects.filter(pk=2).exists(), elsewhere(Parent.objects.filter(pk=2).exists)))

        pre_delete.connect(note, weak=False)
        post_delete.connect(note, weak=False)
        try:
            parent.delete()
        finally:
            pre_delete.disconnect(note)
            post_delete.disconnect(note)
        assert seen == [(True, True), (False, True)]

    def test_a_signal_that_raises_undoes_all(self, parent: Parent) -> None:
        def fail(sender: Any, **_options: Any) -> None:
            if sender is Parent:
                raise Stop

        Cascading.objects.create(parent=parent)
        post_delete.connect(fail, weak=False)
        try:
            with pytest.raises(Stop):
                parent.delete()
        finally:
            post_delete.disconnect(fail)
        assert Parent.objects.filter(pk=2).exists()
        assert Cascading.objects.exists()


class TestManyRows:
    """BAT-04, BAT-05, BAT-03, CON-03, CON-07."""

    @pytest.fixture
    def rows(self) -> None:
        Record.objects.bulk_create(Record(pk=pk, n=pk % 2, m=7) for pk in range(1, 101))

    @pytest.mark.usefixtures("rows")
    def test_keys_that_are_gone_are_passed_over(self) -> None:
        assert Record.objects.filter(pk__in=range(51, 200)).delete()[0] == 50
        assert Record.objects.filter(pk__in=range(51, 200)).delete()[0] == 0
        assert Record.objects.count() == 50

    @pytest.mark.usefixtures("rows")
    def test_in_a_block_too(self) -> None:
        with transaction.atomic():
            assert Record.objects.filter(pk__in=range(91, 200)).delete()[0] == 10
            assert Record.objects.filter(pk__in=range(91, 200)).delete()[0] == 0
        assert Record.objects.count() == 90

    @pytest.mark.usefixtures("rows")
    def test_an_update_in_a_block_touches_what_matches_in_the_block(self) -> None:
        with transaction.atomic():
            Record.objects.filter(pk__lte=4).update(n=5)
            assert Record.objects.filter(n=5).update(m=F("m") + 1) == 4
            Record.objects.filter(pk=1).delete()
            assert Record.objects.filter(n=5).update(m=F("m") + 1) == 3
        assert sorted(Record.objects.filter(n=5).values_list("pk", "m")) == [(2, 9), (3, 9), (4, 9)]

    @pytest.mark.usefixtures("rows")
    def test_a_bulk_update_in_a_block_is_undone_with_it(self) -> None:
        rows = list(Record.objects.filter(pk__lte=10))
        for row in rows:
            row.m = row.pk
        with suppress(Stop), transaction.atomic():
            assert Record.objects.bulk_update(rows, ["m"]) == 10
            assert sorted(Record.objects.filter(m__lt=7).values_list("m", flat=True)) == [1, 2, 3, 4, 5, 6]
            raise Stop
        assert not Record.objects.filter(m__lt=7).exists()

    @pytest.mark.usefixtures("rows")
    def test_rows_by_key_are_one_lookup(self) -> None:
        with transaction.atomic(), assertNumRPCs(1, methods=["Lookup"]):
            assert len(Record.objects.filter(pk__in=range(1, 101))) == 100

    def test_what_was_committed_is_found_at_once(self) -> None:
        for n in range(5):
            with transaction.atomic():
                Record.objects.create(n=n)
            assert Record.objects.filter(n=n).count() == 1

    @pytest.mark.usefixtures("rows")
    def test_a_row_that_no_longer_matches_is_dropped_by_its_key(self, elsewhere: Elsewhere) -> None:
        keys = list(Record.objects.filter(n=1, pk__lt=10).values_list("pk", flat=True))
        elsewhere(lambda: Record.objects.filter(pk=3).update(n=0))
        assert sorted(Record.objects.filter(n=1, pk__in=keys).values_list("pk", flat=True)) == [1, 5, 7, 9]

    @pytest.mark.usefixtures("rows")
    def test_a_block_that_updates_what_somebody_else_changed_fails_and_changes_nothing(self, elsewhere: Elsewhere) -> None:
        with fails(Exception, "somebody else"), transaction.atomic():
            list(Record.objects.filter(pk__lte=3))
            elsewhere(lambda: Record.objects.filter(pk=2).update(m=100))
            Record.objects.filter(pk__in=[1, 2, 3]).update(m=F("m") + 1)
        assert sorted(Record.objects.filter(pk__lte=3).values_list("m", flat=True)) == [7, 7, 100]
