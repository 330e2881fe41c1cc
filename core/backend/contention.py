"""Commits that may be sent again: the store gave one up in favour of another's, and nothing was written."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from ..datamodel import Mutation
from ..datamodel.errors import Contention
from ..session.session import Session

ATTEMPTS = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5  # seconds, before jitter


def pause(attempt: int) -> None:
    """Wait before the next attempt, a random while that grows."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))


def commit_patiently(session: Session, mutations: Sequence[Mutation]) -> None:
    """Commit mutations that depend on nothing that was read, again where the store gives them up."""
    for attempt in range(1, ATTEMPTS):
        try:
            session.commit(mutations)
        except Contention:
            pause(attempt)
        else:
            return
    session.commit(mutations)
