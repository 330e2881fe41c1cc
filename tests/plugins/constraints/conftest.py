"""The chosen store with the plugin of constraints, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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
def namespace(own_store: Any, plugins: list[str]) -> Iterator[str]:
    """Let a test have a store that is empty."""
    with own_store("constraints", plugins, {"relational": {"policy": "allow"}} if "relational" in plugins else {}) as name:
        yield name


@pytest.fixture
def markers(namespace: str) -> Callable[[], dict[Key, Entity]]:
    """Return the markers that are stored, by key."""

    def stored() -> dict[Key, Entity]:
        pages = connection.session.run_query(Query(MARKERS, namespace), WHOLE)
        return {row[0].key: row[0] for page in pages for row in page.rows}

    return stored
