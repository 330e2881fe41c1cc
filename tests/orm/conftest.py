"""The store of the tests of the ORM: the chosen driver without plugins, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def namespace(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let a test have a store that is empty, and that runs what is native."""
    name = f"orm-{uuid4().hex}"
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", name)
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", [])
    with django_db_blocker.unblock():
        connection.close()
        yield name
        connection.close()  # the namespace is left to the end of the run: an emulator takes long to find what is in it
