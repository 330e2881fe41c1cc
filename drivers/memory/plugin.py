"""The plugin that hands the memory driver over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.driver import Driver
from ...core.plugins import hookimpl
from .driver import MemoryDriver

if TYPE_CHECKING:
    from ...core.settings import AliasSettings


class MemoryPlugin:
    """Drives the store in this process that the setting NAME names."""

    @hookimpl
    def driver(self, settings: AliasSettings) -> Driver:
        return MemoryDriver(settings.name)
