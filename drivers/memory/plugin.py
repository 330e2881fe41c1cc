"""The plugin that hands the memory driver over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from ...core.driver import Driver
from ...core.plugins import hookimpl
from .driver import MemoryDriver

if TYPE_CHECKING:
    from ...core.settings import AliasSettings


class MemoryPlugin:
    """Drives the store in this process that the setting NAME names."""

    @hookimpl
    def driver(self, settings: AliasSettings) -> Driver:
        if settings.driver_options:
            names = ", ".join(map(repr, sorted(settings.driver_options)))
            raise ImproperlyConfigured(
                f"DATABASES[{settings.alias!r}]['OPTIONS']['driver'] has the unknown option {names}. The memory driver has no options."
            )
        return MemoryDriver(settings.name)
