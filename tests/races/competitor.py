"""A process that takes part in races: it says when it is ready, and answers each line with what became of the work that it names.

Run as `python -m races.competitor DATABASE`, with an entry of DATABASES as JSON. A line is a JSON object: a function of `work`, and its
arguments.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Work until the input ends."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": json.loads(sys.argv[1])},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore.core", "bank"],
        SECRET_KEY="tests",
        USE_TZ=True,
    )
    django.setup()
    from bank.models import Account

    Account.objects.exists()  # connect before the first race
    say("ready")
    for line in sys.stdin:
        say(outcome(json.loads(line)))


def outcome(asked: dict[str, Any]) -> dict[str, Any]:
    """Do the work; return its answer, or the error that it met."""
    from . import work

    try:
        return {"answer": getattr(work, asked["work"])(*asked["arguments"])}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def say(what: Any) -> None:
    """Tell the parent."""
    print(json.dumps(what), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
