"""A process that is killed while it works: it tells each operation before it does it, and what came of it afterwards.

Run as `python -m faults.victim DATABASE SEED`, with an entry of DATABASES as JSON.
"""

from __future__ import annotations

import sys
from random import Random

from bank.process import configure, say


def main() -> None:
    """Work until somebody puts an end to it."""
    configure(sys.argv[1])
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


if __name__ == "__main__":
    main()
