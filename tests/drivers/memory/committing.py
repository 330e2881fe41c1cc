"""A process that commits to a file without end and acknowledges each commit on its standard output; killed by test_files.py."""

from __future__ import annotations

import sys
from itertools import count

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.drivers.memory import MemoryDriver


def main(path: str, start: int) -> None:
    driver = MemoryDriver(path)
    for turn in count(start):
        pair = [Key((("Pair", 2 * turn),)), Key((("Pair", 2 * turn + 1),))]
        last = Key((("Last", 1),))
        mutations = [Mutation(Verb.INSERT, key, Entity(key, {"turn": turn, "text": "x" * 500})) for key in pair]
        driver.commit([*mutations, Mutation(Verb.UPSERT, last, Entity(last, {"turn": turn}))])
        sys.stdout.write(f"{turn}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
