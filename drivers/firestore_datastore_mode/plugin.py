"""The plugin that hands over the driver of Firestore in Datastore mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..datastore.plugin import OPTIONS, TEXT, DatastorePlugin
from .capabilities import FIRESTORE

if TYPE_CHECKING:
    from ...core.settings import AliasSettings
    from .driver import FirestoreDriver


class FirestorePlugin(DatastorePlugin):
    """Hands over the driver of Firestore in Datastore mode."""

    capabilities = FIRESTORE
    options = OPTIONS | {"admin_endpoint": TEXT}
    extra = "firestore"

    def check_database(self, settings: AliasSettings) -> None:
        """Allow named databases."""

    def make(self, settings: AliasSettings) -> FirestoreDriver:
        """Make the driver from settings that were checked."""
        from .driver import FirestoreDriver

        return FirestoreDriver(**self.arguments(settings), admin_endpoint=settings.driver_options.get("admin_endpoint"))
