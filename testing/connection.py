"""A connection on a given list of plugins."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections

DRIVERS = {name: f"{__package__.rpartition('.')[0]}.drivers.{name}" for name in ("memory", "datastore", "firestore_datastore_mode")}


@contextmanager
def connection_with(
    plugins: Sequence[str] = (), driver: str = "memory", *, options: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Any]:
    """Give a connection of a new alias that uses these plugins, on a namespace of its own, which is deleted afterwards.

    `driver` is the last part of the name of one of kindstore's drivers, or another ENGINE; `options` are the alias's OPTIONS, and
    `settings` the other keys of its entry, such as PROJECT. A real store is refused unless TEST["ALLOW_PRODUCTION"] is True.
    The alias is `connection.alias`; a block uses it in one thread.
    """
    alias = f"kindstore_{uuid.uuid4().hex[:12]}"
    entry = {
        "ENGINE": DRIVERS.get(driver, driver),
        "NAME": ":memory:" if driver == "memory" else "",
        "NAMESPACE": f"test_{alias}",
        "PLUGINS": tuple(plugins),
        "OPTIONS": dict(options or {}),
        **settings,
    }
    entries = connections.configure_settings({**connections.settings, alias: entry})
    connections.settings[alias] = entries[alias]
    try:
        connection: Any = connections[alias]
        try:
            yield from _opened(connection)
        finally:
            del connections[alias]
    finally:
        del connections.settings[alias]


def _opened(connection: Any) -> Iterator[Any]:
    connection.creation.refuse_production()
    connection.connect()  # Django's TestCase forbids to open connections of aliases that it does not know
    try:
        yield connection
    finally:
        connection.close()
        connection.kindstore.driver.reset(connection.settings_dict["NAMESPACE"])
