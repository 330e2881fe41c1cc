"""What Firestore in Datastore mode can do."""

from __future__ import annotations

from ...core.driver import Capabilities

FIRESTORE = Capabilities()
