"""The store of the tests of the ORM: the chosen driver without plugins, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def namespace(own_store: Any) -> Iterator[str]:
    """Let a test have a store that is empty, and that runs what is native."""
    with own_store("orm") as name:
        yield name
