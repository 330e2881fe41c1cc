"""Calls a function again while it fails for a reason that passes: somebody else's commit, or a store that cannot be reached for a moment.

    from kindstore.contrib.retrying import retry, retry_on_error

    retry(send, message, _attempts=5)

    @retry_on_error(_catch=ConnectionError)
    def fetch(url): ...

The names of the parameters begin with an underscore, so that they do not collide with those of the function. All times are in milliseconds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, TypeVar

from ..core.datamodel.errors import Contention, Unavailable
from ..plugins.transactions import TransactionFailedError

T = TypeVar("T")
Errors = type[BaseException] | tuple[type[BaseException], ...]

TRANSIENT: tuple[type[BaseException], ...] = (TransactionFailedError, Contention, Unavailable)
ATTEMPTS, INITIAL_WAIT, MAX_WAIT = 3, 375, 30_000
LONGEST_JITTER = 1000  # milliseconds


def retry(
    function: Callable[..., T],
    *args: Any,
    _catch: Errors | None = None,
    _attempts: float = ATTEMPTS,
    _initial_wait: float = INITIAL_WAIT,
    _max_wait: float = MAX_WAIT,
    _avoid_clashes: bool = True,
    **kwargs: Any,
) -> T:
    """Call a function with arguments and return what it returns; call it again while it raises one of the errors of `_catch`.

    `_catch` is an exception class or a tuple of them, None for the errors that pass: TransactionFailedError, an aborted commit, a store
    that cannot be reached. `_attempts` is how often it is called at most (1 or more; math.inf for ever); then its last error is raised.
    Before the second attempt it waits for `_initial_wait` milliseconds, and twice as long before each further one, up to `_max_wait`.
    `_avoid_clashes` adds up to a second of chance, except to the first wait, so that those who failed together do not meet again.
    """
    if _attempts < 1:
        raise ValueError(f"_attempts is {_attempts!r}; it must be at least 1.")
    caught = TRANSIENT if _catch is None else _catch
    for attempt in count(1):
        try:
            return function(*args, **kwargs)
        except caught as error:
            is_kept = getattr(error, "parts_written", 0) or hasattr(error, "progress")  # a part of what it did is written
            if attempt >= _attempts or (_catch is None and is_kept):
                raise
        time.sleep(_wait(attempt, _initial_wait, _max_wait, jitter=_avoid_clashes) / 1000)
    raise AssertionError


def _wait(attempt: int, initial: float, longest: float, *, jitter: bool) -> float:
    """Return how many milliseconds to wait after an attempt."""
    wait = min(longest, initial * 2.0 ** min(attempt - 1, 60))
    return wait + random.uniform(0, LONGEST_JITTER) if jitter and attempt > 1 else wait


def retry_until_successful(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function as `retry` does, with no limit of attempts."""
    return retry(function, *args, **{**kwargs, "_attempts": float("inf")})


def retry_on_error(
    _catch: Errors | None = None,
    _attempts: float = ATTEMPTS,
    _initial_wait: float = INITIAL_WAIT,
    _max_wait: float = MAX_WAIT,
    _avoid_clashes: bool = True,
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Decorate a function so that each call of it is retried, with the parameters of `retry`."""

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @wraps(function)
        def retried(*args: Any, **kwargs: Any) -> T:
            return retry(
                lambda: function(*args, **kwargs),
                _catch=_catch,
                _attempts=_attempts,
                _initial_wait=_initial_wait,
                _max_wait=_max_wait,
                _avoid_clashes=_avoid_clashes,
            )

        return retried

    return decorate
