"""Kills processes while they work, and holds what they had reported against what they left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

from .operations import Operation
from .state import Conflict, State, duplicates, is_same

TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS / "apps"), os.environ.get("PYTHONPATH", "")])}
KILLS = int(os.environ.get("KINDSTORE_TEST_ROUNDS", "3"))
LONGEST = 0.5  # seconds to live


def kill_again_and_again(database: dict[str, Any], observed: Callable[[], State]) -> int:
    """Have processes work on a store, one after the other, and kill each; return how many operations were reported."""
    reported, state = 0, observed()
    for seed in range(KILLS):
        told = list(_told_until_killed(database, seed))
        possible, operations = _possible(state, told)
        reported += operations
        state = observed()
        assert not duplicates(state)
        assert any(is_same(each, state) for each in possible), f"{told[-2:]}\nexpected one of {possible}\nfound {dict(state)}"
    return reported


def _told_until_killed(database: dict[str, Any], seed: int) -> Iterator[Any]:
    """Yield what a process says until it is killed, which is at some moment after it has begun to work."""
    command = [sys.executable, "-W", "error", "-m", "faults.victim", json.dumps(database), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == '"ready"\n'
        timer = Timer(Random(seed).uniform(0, LONGEST), process.kill)
        timer.start()
        for line in process.stdout:
            if line.endswith("\n"):  # the last one may be torn
                yield json.loads(line)
        timer.join()
    assert process.returncode == -9


def _possible(state: State, told: list[Any]) -> tuple[list[State], int]:
    """Return the states that a process may have left: whether its last operation was done or not, if it did not say so."""
    done = len(told) // 2
    for (kind, arguments), (outcome, answer) in zip(told[::2], told[1::2], strict=False):
        operation = Operation(kind, arguments)
        try:
            state, expected = operation.effect(state)
        except Conflict:
            expected, answer = "conflict", outcome
        assert answer == expected, f"{operation} reported {outcome} {answer}"
    if len(told) == 2 * done:
        return [state], done
    try:
        return [state, Operation(*told[-1]).effect(state)[0]], done
    except Conflict:
        return [state], done
