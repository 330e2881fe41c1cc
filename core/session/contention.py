"""How often a commit is tried again that the store gave up in favour of another, and how long to wait before."""

from __future__ import annotations

import random
import time

ATTEMPTS = 16
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5  # seconds, before jitter


def pause(attempt: int) -> None:
    """Wait before the next attempt, a random while that grows."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
