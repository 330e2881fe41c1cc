"""The driver of Firestore in Datastore mode: the same API as Datastore's, and more of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.datamodel.errors import Unsupported
from ...core.driver import Capabilities
from ..datastore.channel import Channel
from ..datastore.driver import DatastoreDriver
from ..datastore.keys import Home
from .capabilities import FIRESTORE

if TYPE_CHECKING:
    from .admin import FirestoreAdmin


class FirestoreDriver(DatastoreDriver):
    """One project and database of Firestore in Datastore mode."""

    repeats_arrays = True
    refuses_cursors = True

    def __init__(
        self, channel: Channel, home: Home, capabilities: Capabilities = FIRESTORE, *, admin_endpoint: str | None = None, **options: Any
    ) -> None:
        """Bind a channel to a project and database, as DatastoreDriver does. `admin_endpoint` replaces the admin API's address."""
        super().__init__(channel, home, capabilities, **options)
        self._admin_endpoint = admin_endpoint

    def admin(self) -> FirestoreAdmin:
        """Return the administration of this database."""
        from .admin import ENDPOINT, FirestoreAdmin

        if self._admin_endpoint is None and not self.is_production:
            raise Unsupported(
                "The emulator has no admin API, and its databases need not be created. For the real one, unset DATASTORE_EMULATOR_HOST."
            )
        return FirestoreAdmin(self.home, self._channel.credentials, self._admin_endpoint or ENDPOINT)
