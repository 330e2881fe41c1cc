"""The second opinions: SQLite, by Django's own backend, and the chosen driver in a namespace that each example changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, connections

LITE = "lite"
RUN, examples = uuid4().hex[:12], count()


@pytest.fixture(scope="module")
def lite(django_db_blocker: Any) -> Iterator[str]:
    """The alias of an SQLite with the tables of the app "records"; its LIKE tells upper from lower case, as kindstore does."""
    entry = {LITE: {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    connections.settings[LITE] = connections.configure_settings({**connections.settings, **entry})[LITE]
    with django_db_blocker.unblock():
        with connections[LITE].schema_editor() as editor:
            for model in apps.get_app_config("records").get_models():
                editor.create_model(model)
        with connections[LITE].cursor() as cursor:
            cursor.execute("PRAGMA case_sensitive_like = ON")
            cursor.execute("PRAGMA foreign_keys = OFF")
        yield LITE
        connections[LITE].connection.close()  # Django's own close() leaves a database in memory open
        del connections[LITE], connections.settings[LITE]


@contextmanager
def fresh_store(plugins: list[str]) -> Iterator[None]:
    """Let the default alias be empty, with these plugins."""
    given, name = connection.settings_dict, f"differential-{RUN}-{next(examples)}"
    connection.close()
    options = {**given["OPTIONS"], **{plugin: {"policy": "allow"} for plugin in plugins if plugin == "relational"}}
    connection.settings_dict = {**given, "NAMESPACE": name, "PLUGINS": plugins, "OPTIONS": options}
    if given.get("PROJECT"):  # see own_store() in tests/conftest.py
        connection.settings_dict["PROJECT"] = f"kindstore-{name}"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = given
