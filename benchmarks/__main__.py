"""Run the benchmarks: `python -m benchmarks [embedded|firestore] [--write]`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser

from .measuring import Result
from .report import PAGE, page, table
from .setup import configure
from .weighing import bytes_per_row

PARTS = ("embedded", "firestore")


def main() -> int:
    """Measure, print, and return 1 when a ratio is missed."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="one part (default: both)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}; only for both parts")
    options = parser.parse_args()
    if options.write and options.part:
        parser.error("--write is for both parts.")
    parts = [options.part] if options.part else PARTS
    results = [*(firestore() if "firestore" in parts else ()), *(embedded() if "embedded" in parts else ())]
    weights = {alias: bytes_per_row(alias) for alias in ("memory", "sqlite3")} if "embedded" in parts else {}
    print(table(results))
    for alias, weight in weights.items():
        print(f"A row takes {weight:,.0f} bytes in {alias}.")
    if options.write:
        PAGE.write_text(page(results, weights), encoding="utf-8")
    return int(any(result.missed for result in results))


def firestore() -> list[Result]:
    """Measure against Google's client, on an emulator of its own."""
    from kindstore.testing.emulator import Emulator

    with Emulator("firestore") as emulator:
        os.environ["DATASTORE_EMULATOR_HOST"] = emulator.host
        configure_once()
        from .client import against_client

        return against_client()


def embedded() -> list[Result]:
    """Measure against sqlite3, and a large table against a small one."""
    configure_once()
    from .embedded import against_sqlite, among_many

    return [*against_sqlite(), *among_many()]


def configure_once() -> None:
    from django.conf import settings

    if not settings.configured:
        configure()


if __name__ == "__main__":
    sys.exit(main())
