"""A process that is killed while it works: it tells each operation before it does it, and what came of it afterwards.

Run as `python -m faults.victim DATABASE SEED`, with an entry of DATABASES as JSON.
"""

from __future__ import annotations

import json
import sys
from random import Random
from typing import Any


def main() -> None:
    """Work until somebody puts an end to it."""
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
    from bank.models import Customer
    from django.db import IntegrityError

    from .operations import CUSTOMERS, KINDS, draw

    for pk in CUSTOMERS:
        Customer.objects.get_or_create(pk=pk)
    random, kinds = Random(sys.argv[2]), [kind for kind in KINDS if kind != "transfer"]  # whose locks on Firestore last a minute
    say("ready")
    while True:
        operation = draw(random, kinds)
        say([operation.kind, operation.arguments])
        try:
            say(["done", operation.perform()])
        except IntegrityError:
            say(["conflict", None])


def say(what: Any) -> None:
    """Tell the parent."""
    print(json.dumps(what), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
