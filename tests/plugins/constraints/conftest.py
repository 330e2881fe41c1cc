"""The chosen store with the plugin of constraints, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from kindstore.core.datamodel import ENTITY, Column, Entity, Key, Query, Shape, Type
from kindstore.plugins.constraints.uniques import MARKERS

WHOLE = Shape((Column(ENTITY, Type.ENTITY),))


@pytest.fixture
def plugins() -> list[str]:
    """The plugins; a test module may override them."""
    return ["constraints"]


@pytest.fixture(autouse=True)
def namespace(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch, plugins: list[str]) -> Iterator[str]:
    """Let a test have a store that is empty."""
    name = f"constraints-{uuid4().hex}"
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", name)
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", plugins)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"relational": {"policy": "allow"}} if "relational" in plugins else {})
    with django_db_blocker.unblock():
        connection.close()
        yield name
        connection.close()  # the namespace is left to the end of the run: an emulator takes long to find what is in it


@pytest.fixture
def markers(namespace: str) -> Callable[[], dict[Key, Entity]]:
    """Return the markers that are stored, by key."""

    def stored() -> dict[Key, Entity]:
        pages = connection.session.run_query(Query(MARKERS, namespace), WHOLE)
        return {row[0].key: row[0] for page in pages for row in page.rows}

    return stored
