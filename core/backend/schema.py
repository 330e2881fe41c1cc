from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class DatabaseSchemaEditor(BaseDatabaseSchemaEditor):  # type: ignore[misc]
    pass
