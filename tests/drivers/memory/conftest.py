"""A fresh store for each test."""

from __future__ import annotations

from itertools import count

import pytest

from kindstore.drivers.memory import MemoryDriver

_names = count()


@pytest.fixture
def driver() -> MemoryDriver:
    return MemoryDriver(f":memory:test-{next(_names)}")
