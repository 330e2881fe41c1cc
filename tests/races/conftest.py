"""The store of the races: the chosen driver with transactions and constraints, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def namespace(own_store: Any) -> Iterator[str]:
    """Let the connections of all threads use a namespace that is empty. Ids are random, as they are where many write."""
    with own_store("races", ["transactions", "constraints"], {}) as name:
        connection.ensure_connection()  # so that the threads share one alias
        yield name
