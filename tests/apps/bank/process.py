"""What the processes of the tests have in common: they are configured by an entry of DATABASES, and answer in lines of JSON."""

from __future__ import annotations

import json
from typing import Any


def configure(database: str) -> None:
    """Make Django ready for the bank in a database, an entry of DATABASES as JSON."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": json.loads(database)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore.core", "bank"],
        SECRET_KEY="tests",
        USE_TZ=True,
    )
    django.setup()


def say(what: Any) -> None:
    """Tell the process that reads this one's output."""
    print(json.dumps(what), flush=True)  # noqa: T201 - it is what the process is for
