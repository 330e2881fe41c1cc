"""Commits that may be sent again: the store gave one up in favour of another's, and nothing was written."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..datamodel import Mutation, MutationResult
from ..datamodel.errors import Contention, VersionConflict

if TYPE_CHECKING:
    from .session import Session

ATTEMPTS = 12
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5  # seconds, before jitter


def pause(attempt: int) -> None:
    """Wait before the next attempt, a random while that grows."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))


def commit_patiently(session: Session, mutations: Sequence[Mutation]) -> list[MutationResult]:
    """Commit mutations that depend on nothing that was read, again where the store gives them up."""
    for attempt in range(1, ATTEMPTS):
        try:
            return session.commit(mutations)
        except VersionConflict:
            raise
        except Contention:
            pause(attempt)
    return session.commit(mutations)
