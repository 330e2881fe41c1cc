"""Random programs of rows, unique values and transactions do what a ledger in plain Python does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .machine import Machine
from .programs import programs

SHARDS = 5
QUICK = (300, 60)  # on memory, on an emulator
IS_MEMORY = os.environ.get("KINDSTORE_TEST_DRIVER", "memory") == "memory"
PROGRAMS = int(os.environ.get("KINDSTORE_TEST_PROGRAMS", QUICK[0] if IS_MEMORY else QUICK[1]))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_programs_do_what_the_ledger_does(empty_store: Callable[[], None], shard: int, record_property: Callable[[str, Any], None]) -> None:
    ran: list[int] = []

    @seed(shard)
    @settings(
        max_examples=PROGRAMS // SHARDS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(programs)
    def check(program: tuple[Any, ...]) -> None:
        empty_store()
        machine = Machine()
        machine.run(program)
        ran.append(machine.operations)

    check()
    assert len(ran) >= PROGRAMS // SHARDS
    record_property("programs", len(ran))
    record_property("operations", sum(ran))
