"""Random programs of rows, unique values and transactions do what a ledger in plain Python does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from ledger.models import Entry

from .machine import Machine
from .programs import programs

SHARDS = 5
SEEDS = 10  # from one KINDSTORE_TEST_SEED to the next
QUICK = (300, 60)  # on memory, on an emulator
IS_MEMORY = os.environ.get("KINDSTORE_TEST_DRIVER", "memory") == "memory"
PROGRAMS = int(os.environ.get("KINDSTORE_TEST_PROGRAMS", QUICK[0] if IS_MEMORY else QUICK[1]))

SEED = int(os.environ.get("KINDSTORE_TEST_SEED", "0"))


def run(check: Callable[[tuple[Any, ...]], int], number: int, chosen: int, record_property: Callable[[str, Any], None]) -> None:
    """Run a number of random programs; `check` runs one, and returns the number of its operations."""
    ran: list[int] = []

    @seed(SEED * SEEDS + chosen)
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs)
    def checked(program: tuple[Any, ...]) -> None:
        ran.append(check(program))

    checked()
    assert len(ran) >= number
    record_property("programs", len(ran))
    record_property("operations", sum(ran))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_programs_do_what_the_ledger_does(empty_store: Callable[[], None], shard: int, record_property: Callable[[str, Any], None]) -> None:
    def check(program: tuple[Any, ...]) -> int:
        empty_store()
        machine = Machine()
        machine.run(program)
        return machine.operations

    run(check, PROGRAMS // SHARDS, shard, record_property)


def test_programs_do_the_same_in_the_transaction_of_a_test(
    empty_store: Callable[[], None], record_property: Callable[[str, Any], None]
) -> None:
    def check(program: tuple[Any, ...]) -> int:
        empty_store()
        machine, block = Machine(in_test=True), transaction.atomic()
        block._from_testcase = True  # as Django marks it
        with block:
            machine.run(program)
            transaction.set_rollback(True)
        assert not Entry.objects.exists()
        return machine.operations

    run(check, PROGRAMS // SHARDS, SHARDS, record_property)


@pytest.mark.parametrize("empty_store", [["relational"]], indirect=True)
def test_programs_do_the_same_with_the_residual_engine(
    empty_store: Callable[[], None], record_property: Callable[[str, Any], None]
) -> None:
    def check(program: tuple[Any, ...]) -> int:
        empty_store()
        machine = Machine()
        machine.run(program)
        return machine.operations

    run(check, PROGRAMS // SHARDS, SHARDS + 1, record_property)
