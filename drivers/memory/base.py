"""The ENGINE "kindstore.drivers.memory"."""

from __future__ import annotations

from ...core.backend import base
from .plugin import MemoryPlugin


class DatabaseWrapper(base.DatabaseWrapper):
    driver_plugin = MemoryPlugin
    test_name = ":memory:"  # tests never touch the file that NAME may be
