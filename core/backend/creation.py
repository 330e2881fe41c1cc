from __future__ import annotations

from django.db.backends.base.creation import BaseDatabaseCreation


class DatabaseCreation(BaseDatabaseCreation):  # type: ignore[misc]
    pass
