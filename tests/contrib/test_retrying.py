"""Functions that are called again: how often, after how long, and for which errors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kindstore.contrib import retrying
from kindstore.contrib.retrying import retry, retry_on_error, retry_until_successful
from kindstore.core.datamodel.errors import Contention, OutcomeUnknown, Unavailable
from kindstore.plugins.transactions import TransactionFailedError


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The milliseconds that were waited, with half of the longest jitter."""
    waited: list[float] = []
    monkeypatch.setattr(retrying.time, "sleep", lambda seconds: waited.append(seconds * 1000))
    monkeypatch.setattr(retrying.random, "uniform", lambda low, high: (low + high) / 2)
    return waited


class Failing:
    """A function that fails some times, and then returns its arguments."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return args, kwargs


def transient(times: int) -> list[Exception]:
    return [TransactionFailedError() for _ in range(times)]


def test_a_function_that_fails_twice_succeeds(waits: list[float]) -> None:
    function = Failing(*transient(2))
    assert retry(function, 1, two=2) == ((1,), {"two": 2})
    assert function.calls == 3
    assert waits == [375, 750 + 500]


def test_a_function_that_succeeds_is_called_once(waits: list[float]) -> None:
    function = Failing()
    retry(function)
    assert (function.calls, waits) == (1, [])


def test_after_the_last_attempt_the_last_error_is_raised(waits: list[float]) -> None:
    function = Failing(TransactionFailedError("first"), TransactionFailedError("second"), TransactionFailedError("third"))
    with pytest.raises(TransactionFailedError, match="third"):
        retry(function)
    assert len(waits) == 2


@pytest.mark.parametrize("error", [TransactionFailedError(), Contention(), Unavailable()], ids=lambda error: type(error).__name__)
def test_errors_that_pass_are_caught(error: Exception) -> None:
    assert retry(Failing(error)) == ((), {})


@pytest.mark.parametrize("error", [ValueError(), OutcomeUnknown()], ids=lambda error: type(error).__name__)
def test_other_errors_are_not(error: Exception) -> None:
    function = Failing(error)
    with pytest.raises(type(error)):
        retry(function)
    assert function.calls == 1


@pytest.mark.parametrize("catch", [ValueError, (KeyError, ValueError)])
def test_the_errors_may_be_named(catch: Any) -> None:
    assert retry(Failing(ValueError()), _catch=catch) == ((), {})
    with pytest.raises(TransactionFailedError):
        retry(Failing(TransactionFailedError()), _catch=catch)


def test_waits_double_up_to_the_longest(waits: list[float]) -> None:
    retry(Failing(*transient(5)), _attempts=6, _initial_wait=100, _max_wait=500, _avoid_clashes=False)
    assert waits == [100, 200, 400, 500, 500]


def test_chance_is_added_to_all_waits_but_the_first(waits: list[float]) -> None:
    retry(Failing(*transient(3)), _attempts=4, _initial_wait=100)
    assert waits == [100, 700, 900]


def test_one_attempt_is_a_plain_call() -> None:
    with pytest.raises(TransactionFailedError):
        retry(Failing(*transient(1)), _attempts=1)


def test_no_attempt_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        retry(Failing(), _attempts=0)


def test_it_may_go_on_until_it_succeeds(waits: list[float]) -> None:
    function = Failing(*transient(2000))
    assert retry_until_successful(function, 7, _avoid_clashes=False) == ((7,), {})
    assert function.calls == 2001
    assert max(waits) == 30_000


def test_for_ever_may_be_asked_of_retry() -> None:
    assert retry(Failing(*transient(50)), _attempts=math.inf) == ((), {})


def test_a_decorated_function_is_retried_at_each_call(waits: list[float]) -> None:
    function = Failing(*transient(2), LookupError())

    @retry_on_error(_attempts=2, _initial_wait=10)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        """Say so."""
        return function(*args, **kwargs)

    with pytest.raises(TransactionFailedError):
        decorated()
    with pytest.raises(LookupError):
        decorated()
    assert decorated(1, _attempts="its own") == ((1,), {"_attempts": "its own"})
    assert (decorated.__name__, decorated.__doc__) == ("decorated", "Say so.")
    assert waits == [10]
