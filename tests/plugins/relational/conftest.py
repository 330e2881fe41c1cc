"""The same rows on the chosen store, with the relational plugin alone, and on Django's own sqlite3 backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections

PLAIN = "plain"
SHARED = f"relational-shared-{uuid4().hex}"


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
def namespace(
    request: pytest.FixtureRequest,
    django_db_blocker: Any,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    filled: set[str],
    _plain: None,
) -> Iterator[str]:
    """Let a test have a store with the same rows, and the relational plugin; the tests of a module that says READS_ONLY share one."""
    from django.contrib.contenttypes.models import ContentType

    from .library import fill

    name = SHARED if getattr(request.module, "READS_ONLY", False) else f"relational-{uuid4().hex}"
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", name)
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", ["relational"])
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"ids": "sequential", "relational": options})
    ContentType.objects.clear_cache()
    with django_db_blocker.unblock():
        connection.close()
        if name not in filled:
            fill("default")
            filled.add(name)
        yield name
        connection.close()  # the namespace is left to the end of the run: an emulator takes long to find what is in it
    ContentType.objects.clear_cache()
