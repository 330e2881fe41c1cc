"""The store of the races: the chosen driver with transactions and constraints, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def namespace(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the connections of all threads use a namespace that is empty. Ids are random, as they are where many write."""
    name = f"races-{uuid4().hex}"
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", name)
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", ["transactions", "constraints"])
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    with django_db_blocker.unblock():
        connection.close()
        connection.ensure_connection()  # so that the threads share one alias
        yield name
        connection.close()
