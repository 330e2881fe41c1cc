from __future__ import annotations

from django.db.backends.base.introspection import BaseDatabaseIntrospection


class DatabaseIntrospection(BaseDatabaseIntrospection):  # type: ignore[misc]
    pass
