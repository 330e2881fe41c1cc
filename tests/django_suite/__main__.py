"""The command: `python -m django_suite --driver firestore queries lookup`."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import junit, ledger, scoreboard
from .outcomes import ModuleRun
from .running import DRIVERS, Suite, emulator, run_all
from .share import share_of
from .sources import CACHE, database_modules, django_version, fetch

SHOWN = 300  # characters of an error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the modules, print what differs from the ledger, and return 1 if anything does."""
    options = parser().parse_intermixed_args(arguments)
    tests = fetch()
    labels = labels_by_module(options.labels or modules_of(tests, share=options.share))
    whole = all(module == label for module, chosen in labels.items() for label in chosen)
    if options.record and not whole:
        raise SystemExit("--record takes whole modules, so that its counts are those of modules.")
    series = ".".join(django_version().split(".")[:2])
    runs = run(tests, labels, series, options)
    causes = ledger.read()
    difference = ledger.compare(causes, options.driver, series, runs, whole=whole)
    print_difference(difference)
    if difference:
        print(f"The tracebacks are in {folder(options.driver)}.")
    print_totals(runs)
    if options.junitxml:
        junit.write(options.junitxml, runs, {*difference.unexpected, *difference.unclassified})
    if options.update_ledger:
        causes = ledger.updated(causes, options.driver, series, difference)
        ledger.write(causes)
    if options.record or options.update_ledger:
        scoreboard.PAGE.write_text(scoreboard.page(scoreboard.read(), ledger.groups_of(causes)), encoding="utf-8")
    return int(bool(difference))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="django_suite", description="Run Django's own tests on a driver of kindstore.")
    made.add_argument("labels", nargs="*", help="modules of Django's tests, or tests; without any, every module with a database")
    made.add_argument("--driver", choices=DRIVERS, default="memory", help="sqlite3 is Django's own backend")
    made.add_argument("--share", action="store_true", help="leave out the slowest modules, as CI does")
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes run at once")
    made.add_argument("--timeout", type=float, default=1800.0, help="the seconds that a module may take")
    made.add_argument("--record", action="store_true", help="write the counts to the scoreboard")
    made.add_argument("--update-ledger", action="store_true", help="take out what passes, add what fails")
    made.add_argument("--junitxml", type=Path, help="where to write a report in JUnit's form")
    return made


def modules_of(tests: Path, *, share: bool) -> list[str]:
    """Return the modules with a database, or the share of them that CI runs."""
    modules = database_modules(tests)
    return share_of(modules) if share else modules


def labels_by_module(labels: Sequence[str]) -> dict[str, list[str]]:
    """Sort labels, such as "queries" or "lookup.tests.LookupTests", by their modules."""
    found: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        found[label.partition(".")[0]].append(label)
    return dict(found)


def run(tests: Path, labels: Mapping[str, Sequence[str]], series: str, options: argparse.Namespace) -> list[ModuleRun]:
    """Run labels on a driver, with its emulator, and report each module when it has ended."""

    def suite(driver: str, host: str = "") -> Suite:
        return Suite(driver, tests, folder(driver), options.timeout, host)

    versions = {"Django": django_version(), "Python": platform.python_version()}
    board = scoreboard.Board(series, options.driver, versions, suite(scoreboard.BASELINE)) if options.record else None

    def ended(done: ModuleRun) -> None:
        print_module(done)
        if board is not None:
            board.add(done)

    with emulator(options.driver) as host:
        return run_all(suite(options.driver, host), labels, options.jobs, ended)


def folder(driver: str) -> Path:
    """Return where the runs on a driver leave their records and logs."""
    return CACHE / "runs" / django_version() / driver


def print_module(done: ModuleRun) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(done.counts().items()))
    print(f"{done.module}: {counts} in {done.seconds:.1f}s{f'. {done.problem}' if done.problem else ''}", flush=True)


def print_difference(difference: ledger.Difference) -> None:
    for test, outcome in sorted(difference.unexpected.items()):
        print(f"FAILED, and not in the ledger: {test}: {outcome.summary[:SHOWN]}")
    for test in difference.unclassified:
        print(f"FAILED, and has no reason in the ledger: {test}")
    for test, what in sorted(difference.stale.items()):
        print(f"In the ledger, but: {test}: {what}")


def print_totals(runs: Sequence[ModuleRun]) -> None:
    sums = scoreboard.total(scoreboard.counts_of(run, frozenset()) for run in runs)
    numbers = ", ".join(f"{sums[name]} {name.replace('_', ' ')}" for name in scoreboard.OUTCOMES)
    print(f"{len(runs)} modules: {numbers}; {scoreboard.share(sums)} passed of those that ran", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the processes of the modules and the emulator, as Ctrl-C does
    sys.exit(main())
