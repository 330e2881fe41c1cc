"""The store of the tests of faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

REPORT = "faults"


@pytest.fixture
def namespace(own_store: Any) -> Iterator[str]:
    """Let the connection have transactions, constraints, and a namespace that is empty."""
    with own_store("faults", ["transactions", "constraints"], {}) as name:
        yield name
