"""How a test says that a whole block fails, or is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

Elsewhere = Callable[[Callable[[], Any]], Any]


class Stop(Exception):
    """What a block raises to be rolled back."""


@contextmanager
def fails(error: type[BaseException], match: str | None = None) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """Expect that a block of several statements ends with an error: its commit does."""
    with pytest.raises(error, match=match) as caught:
        yield caught
