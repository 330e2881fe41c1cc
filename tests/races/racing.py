"""Runs the same work at once: in threads, each with a connection of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connections

THREADS = 16
# How often each race is run; of those in which Firestore's emulator makes everybody wait, once.
DEFAULT = {"datastore": "5", "firestore": "5"}.get(os.environ.get("KINDSTORE_TEST_DRIVER", ""), "20")
ROUNDS = int(os.environ.get("KINDSTORE_TEST_ROUNDS", DEFAULT))
SLOW_ROUNDS = int(os.environ.get("KINDSTORE_TEST_ROUNDS", "1"))


def may_be_busy(connection: Any) -> bool:
    """Tell whether a store may refuse what many do at once to one entity: Datastore, by its documentation, takes one write a second."""
    return connection.session.capabilities.entity_groups is not None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of each competitor: its answer, or the error that it met."""

    answers: list[Any]
    errors: list[BaseException]

    @property
    def others(self) -> list[BaseException]:
        """The errors that do not say that a value was taken."""
        return [error for error in self.errors if not isinstance(error, IntegrityError)]


def race(work: Callable[[int], Any], competitors: int = THREADS) -> Outcomes:
    """Have competitors do their work at the same time; each is given its number."""
    start = threading.Barrier(competitors)

    def compete(number: int) -> Any:
        start.wait()
        try:
            return work(number)
        except Exception as error:
            return _Failed(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(competitors) as pool:
        results = list(pool.map(compete, range(competitors)))
    failed = [result.error for result in results if isinstance(result, _Failed)]
    return Outcomes([result for result in results if not isinstance(result, _Failed)], failed)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException
