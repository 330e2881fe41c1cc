"""The same rows on the chosen store, with the relational plugin alone, and on Django's own sqlite3 backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections

PLAIN = "plain"


@pytest.fixture(scope="session")
def _plain(django_db_blocker: Any) -> Iterator[None]:
    """Make the alias "plain", a database of SQLite's in memory, with the tables and rows of the tests."""
    from .library import MODELS, fill

    entry = {**connection.settings_dict, "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": {}, "TIME_ZONE": None}
    for key in ("NAMESPACE", "PLUGINS"):
        entry.pop(key, None)
    connections.settings[PLAIN] = entry
    with django_db_blocker.unblock():
        with connections[PLAIN].schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)
        fill(PLAIN)
        yield
        connections[PLAIN].connection.close()
    del connections[PLAIN]
    del connections.settings[PLAIN]


@pytest.fixture
def options() -> dict[str, Any]:
    """The options of the plugin; a test module may override them."""
    return {"policy": "allow"}


@pytest.fixture(scope="session")
def filled() -> set[str]:
    """The namespaces that hold the rows already."""
    return set()


@pytest.fixture(autouse=True)
def namespace(request: pytest.FixtureRequest, own_store: Any, options: dict[str, Any], filled: set[str], _plain: None) -> Iterator[str]:
    """Let a test have a store with the same rows, and the relational plugin; the tests of a module that says READS_ONLY share one."""
    from django.contrib.contenttypes.models import ContentType

    from .library import fill

    shared = getattr(request.module, "READS_ONLY", False)
    ContentType.objects.clear_cache()
    with own_store("relational", ["relational"], {"ids": "sequential", "relational": options}, shared=shared) as name:
        if name not in filled:
            fill("default")
            filled.add(name)
        yield name
    ContentType.objects.clear_cache()
