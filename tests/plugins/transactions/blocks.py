"""How a test says that a whole block fails, or is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

Elsewhere = Callable[[Callable[[], Any]], Any]

# Its name since Django 6.1; `savepoint`, its name before, is deprecated there.
savepoint_create: Callable[[], str | None] = getattr(transaction, "savepoint_create", None) or transaction.savepoint


class Stop(Exception):
    """What a block raises to be rolled back."""


@contextmanager
def fails(error: type[BaseException], match: str | None = None) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    """Expect that a block of several statements ends with an error: its commit does."""
    with pytest.raises(error, match=match) as caught:
        yield caught
