"""The ENGINE "kindstore.drivers.datastore"."""

from __future__ import annotations

from ...core.backend import base
from .plugin import DatastorePlugin


class DatabaseWrapper(base.DatabaseWrapper):
    driver_plugin = DatastorePlugin
