"""Measures two ways to do the same, in turns, and compares them.

The clock is the processor time of all threads: neither side waits for anything but the emulator, and its time says nothing about a real
store's.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Action = Callable[[], object]

ROUNDS = 21
SLICE = 0.02  # seconds that one side is measured for in a round


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: the median seconds of each side, the median of the rounds' ratios, and the ratio that is wanted (None: any)."""

    group: str
    name: str
    ours: float
    theirs: float
    ratio: float
    target: float | None = None

    @property
    def missed(self) -> bool:
        return self.target is not None and self.ratio > self.target


def compare(
    group: str,
    name: str,
    ours: Action,
    theirs: Action,
    *,
    target: float | None = None,
    number: int | None = None,
    rounds: int = ROUNDS,
) -> Result:
    """Run both sides in turns; each runs `number` times in a round, or as often as fits into a slice of time."""
    for action in (ours, theirs):
        action()
    number = number or max(1, round(SLICE / max(_seconds(theirs, 1), 1e-6)))
    gc.collect()
    gc.freeze()
    times: list[tuple[float, float]] = []
    for round_ in range(rounds):
        if round_ % 2:
            mine = _seconds(ours, number)
            times.append((mine, _seconds(theirs, number)))
        else:
            other = _seconds(theirs, number)
            times.append((_seconds(ours, number), other))
    gc.unfreeze()
    return Result(group, name, median(a for a, _ in times), median(b for _, b in times), median(a / b for a, b in times), target)


def _seconds(action: Action, number: int) -> float:
    started = time.process_time()
    for _ in range(number):
        action()
    return (time.process_time() - started) / number
