"""`manage.py dbshell`: refused, with what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.management.base import CommandError
from django.db.backends.base.client import BaseDatabaseClient


class DatabaseClient(BaseDatabaseClient):
    executable_name = "the ORM"

    def runshell(self, parameters: Any) -> NoReturn:
        raise CommandError(
            "An entity store has no SQL shell. Use `manage.py shell` and the ORM, or Google's own console for the raw entities."
        )
