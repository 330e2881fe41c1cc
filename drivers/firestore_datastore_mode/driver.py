"""The driver of Firestore in Datastore mode: the same API as Datastore's, and more of it."""

from __future__ import annotations

from typing import Any

from ...core.driver import Capabilities
from ..datastore.channel import Channel
from ..datastore.driver import DatastoreDriver
from ..datastore.keys import Home
from .capabilities import FIRESTORE


class FirestoreDriver(DatastoreDriver):
    """One project and database of Firestore in Datastore mode."""

    repeats_arrays = True

    def __init__(self, channel: Channel, home: Home, capabilities: Capabilities = FIRESTORE, **options: Any) -> None:
        super().__init__(channel, home, capabilities, **options)
