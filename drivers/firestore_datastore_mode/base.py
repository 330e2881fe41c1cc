"""The ENGINE "kindstore.drivers.firestore_datastore_mode"."""

from __future__ import annotations

from ...core.backend import base
from .plugin import FirestorePlugin


class DatabaseWrapper(base.DatabaseWrapper):
    driver_plugin = FirestorePlugin
