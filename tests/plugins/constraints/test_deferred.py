"""A deferred constraint is checked when the transaction commits; the statements before may do as they like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import TestCase
from uniques.models import Patient

# Its name since Django 6.1; `savepoint`, its name before, is deprecated there.
savepoint_create: Callable[[], Any] = getattr(transaction, "savepoint_create", None) or transaction.savepoint


@pytest.fixture
def plugins() -> list[str]:
    return ["transactions", "constraints"]


@pytest.fixture
def beds() -> tuple[Patient, Patient]:
    return Patient.objects.create(place=1), Patient.objects.create(place=2)


def places() -> list[int]:
    return sorted(Patient.objects.values_list("place", flat=True))


def test_two_statements_swap_their_values(beds: tuple[Patient, Patient], markers: Callable[[], dict[Any, Any]]) -> None:
    first, second = beds
    with transaction.atomic():
        first.place, second.place = 2, 1
        first.save()
        assert places() == [2, 2]
        second.save()
    assert Patient.objects.get(place=1).pk == second.pk
    assert {entity.properties["owner"].id_or_name for entity in markers().values()} == {first.pk, second.pk}
    with pytest.raises(IntegrityError):
        Patient.objects.create(place=2)


def test_what_still_conflicts_at_the_commit_is_refused(beds: tuple[Patient, Patient], markers: Callable[[], dict[Any, Any]]) -> None:
    with pytest.raises(IntegrityError, match=r"Patient\.place"), transaction.atomic():
        Patient.objects.filter(pk=beds[0].pk).update(place=2)
    assert places() == [1, 2]
    assert len(markers()) == 2


def test_two_new_rows_with_one_value_are_refused_at_the_commit() -> None:
    with pytest.raises(IntegrityError, match=r"Patient\.place"):
        transaction.atomic(lambda: [Patient.objects.create(place=7) for _ in range(2)])()
    assert places() == []


def test_a_value_of_a_deleted_row_is_free(beds: tuple[Patient, Patient], markers: Callable[[], dict[Any, Any]]) -> None:
    with transaction.atomic():
        Patient.objects.create(place=1)
        beds[0].delete()
    assert places() == [1, 2]
    assert len(markers()) == 2


def test_what_is_rolled_back_to_a_savepoint_does_not_count(beds: tuple[Patient, Patient]) -> None:
    with transaction.atomic():
        sid = savepoint_create()
        Patient.objects.create(place=2)
        transaction.savepoint_rollback(sid)
        Patient.objects.create(place=3)
    assert places() == [1, 2, 3]


def test_outside_of_a_transaction_a_statement_is_checked_at_once(beds: tuple[Patient, Patient]) -> None:
    with pytest.raises(IntegrityError, match=r"Patient\.place"):
        Patient.objects.filter(pk=beds[0].pk).update(place=2)


@pytest.mark.filterwarnings("ignore::kindstore.plugins.transactions.SplitTransactionWarning")
def test_more_rows_than_the_store_commits_at_once_have_their_markers(markers: Callable[[], dict[Any, Any]]) -> None:
    Patient.objects.bulk_create(Patient(place=place) for place in range(100))
    assert places() == list(range(100))
    assert len(markers()) == 100


def test_blocks_inside_a_test_case_are_checked_at_their_ends() -> None:
    class Inside(TestCase):
        def runTest(self) -> None:  # noqa: N802 - unittest's name
            Patient.objects.create(place=1)
            with transaction.atomic():
                other = Patient.objects.create(place=1)
                other.place = 2
                other.save()
            with pytest.raises(IntegrityError):
                Patient.objects.create(place=2)

    result = Inside().run()
    assert result is not None
    assert (result.testsRun, result.failures, result.errors) == (1, [], [])
