"""The ENGINE "kindstore_shelf"."""

from __future__ import annotations

from kindstore.core.backend import base

from . import ShelfPlugin


class DatabaseWrapper(base.DatabaseWrapper):
    driver_plugin = ShelfPlugin
