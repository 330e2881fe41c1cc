"""A process that takes part in races: it says when it is ready, and answers each line with what became of the work that it names.

Run as `python -m races.competitor DATABASE`, with an entry of DATABASES as JSON. A line is a JSON object: a function of `work`, and its
arguments.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from bank.process import configure, say


def main() -> None:
    """Work until the input ends."""
    configure(sys.argv[1])
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


if __name__ == "__main__":
    main()
