"""The memory driver passes the conformance suite."""

from __future__ import annotations

import pytest

from kindstore.core.driver import Driver
from kindstore.drivers.memory.driver import MemoryDriver
from kindstore.testing.conformance import DriverConformance


@pytest.fixture(scope="module")
def driver() -> Driver:
    return MemoryDriver(":memory:")


class TestMemory(DriverConformance):
    """Runs the suite on the memory driver."""
