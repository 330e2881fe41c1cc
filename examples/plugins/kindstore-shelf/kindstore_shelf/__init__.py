"""A driver for kindstore that keeps everything in memory and appends each commit to a plain file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from kindstore.core.plugins import hookimpl

if TYPE_CHECKING:
    from kindstore.core.settings import AliasSettings

    from .driver import ShelfDriver


class ShelfPlugin:
    """Hands over the driver."""

    @hookimpl
    def driver(self, settings: AliasSettings) -> ShelfDriver:
        """Open the shelf that NAME says."""
        from .driver import ShelfDriver

        if settings.driver_options:
            raise ImproperlyConfigured(f"DATABASES[{settings.alias!r}]['OPTIONS']['driver'] has options; a shelf has none.")
        return ShelfDriver(settings.name or ":memory:")
