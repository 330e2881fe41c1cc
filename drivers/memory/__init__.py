"""The embedded store: in memory, or persisted to a file."""

from __future__ import annotations

from .driver import MemoryDriver
from .plugin import MemoryPlugin

__all__ = ["MemoryDriver", "MemoryPlugin"]
