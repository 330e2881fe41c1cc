"""The ledger: which of Django's tests are known not to pass, on which drivers, and why. A run is compared with it."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from .outcomes import ModuleRun, Outcome
from .running import DRIVERS

FILE = Path(__file__).with_name("ledger.toml")
SERIES = ("5.2", "6.0", "6.1")
UNCLASSIFIED = "unclassified"
HEADER = """\
# Django's tests that are known not to pass, each with its reason. A failure that is not here fails the run, and so does a test that is
# here and passes, unless its group says `sometimes`: what it does depends on the machine. `drivers` and `django` say where a group holds;
# without `django`, for every version. `--update-ledger` takes out what passes, and puts what fails under "unclassified", which fails the
# run until somebody has given it a reason.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A test that is known not to pass on one driver and one series of Django."""

    test: str
    driver: str
    series: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a test does not pass; `sometimes` it does, which depends on the machine."""

    reason: str
    sometimes: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Tests that do not pass for one reason."""

    reason: str
    drivers: tuple[str, ...]
    tests: tuple[str, ...]
    django: tuple[str, ...] = SERIES
    sometimes: bool = False

    @property
    def cause(self) -> Cause:
        return Cause(self.reason, self.sometimes)

    def entries(self) -> Iterator[Entry]:
        for values in product(self.tests, self.drivers, self.django):
            yield Entry(*values)


class LedgerError(ValueError):
    """The ledger cannot be right; the text says where."""


Causes = Mapping[Entry, Cause]


@dataclass(frozen=True, slots=True)
class Difference:
    """How a run differs from the ledger."""

    unexpected: Mapping[str, Outcome]  # failures that the ledger does not know
    stale: Mapping[str, str]  # tests of the ledger that did not fail, and what they did
    unclassified: tuple[str, ...]  # failures that nobody has given a reason

    def __bool__(self) -> bool:
        return bool(self.unexpected or self.stale or self.unclassified)


def read(path: Path | None = None) -> dict[Entry, Cause]:
    """Return the cause of each entry of a ledger."""
    path = path or FILE
    groups = tomllib.loads(path.read_text(encoding="utf-8")).get("group", []) if path.exists() else []
    return causes_of(parse(group) for group in groups)


def parse(group: Mapping[str, Any]) -> Group:
    """Return a group of the file, or raise LedgerError for one that is not as it should be."""
    unknown = sorted(set(group) - {"reason", "drivers", "django", "sometimes", "tests"})
    if unknown or not isinstance(group.get("reason"), str):
        raise LedgerError(
            f"A group of the ledger has a reason, drivers, tests and, where wanted, django and sometimes; this one has {sorted(group)}."
        )
    drivers, django = tuple(group.get("drivers", ())), tuple(group.get("django", SERIES))
    for values, choices in ((drivers, DRIVERS), (django, SERIES)):
        if not values or set(values) - set(choices):
            raise LedgerError(f"The group {group['reason']!r} has {list(values)}; choose among {', '.join(choices)}.")
    return Group(group["reason"], drivers, tuple(group.get("tests", ())), django, bool(group.get("sometimes", False)))


def causes_of(groups: Iterable[Group]) -> dict[Entry, Cause]:
    found: dict[Entry, Cause] = {}
    for group in groups:
        for entry in group.entries():
            if entry in found:
                raise LedgerError(f"The ledger has {entry.test} on {entry.driver} and Django {entry.series} twice.")
            found[entry] = group.cause
    return found


def compare(causes: Causes, driver: str, series: str, runs: Iterable[ModuleRun], *, whole: bool) -> Difference:
    """Compare a run with the ledger. It is `whole` where all tests of its modules were asked for."""
    unexpected: dict[str, Outcome] = {}
    stale: dict[str, str] = {}
    unclassified: list[str] = []
    known = {entry.test: cause for entry, cause in causes.items() if (entry.driver, entry.series) == (driver, series)}
    for run in runs:
        failures = run.failures()
        unexpected.update({test: outcome for test, outcome in failures.items() if test not in known})
        unclassified.extend(sorted(test for test in failures if test in known and known[test].reason == UNCLASSIFIED))
        for test, cause in known.items():
            if test in run.outcomes and test not in failures and not cause.sometimes:
                stale[test] = run.outcomes[test].kind
            elif whole and test not in run.outcomes and belongs_to(test, run.module):
                stale[test] = "there is no such test"
    return Difference(unexpected, stale, tuple(unclassified))


def belongs_to(test: str, module: str) -> bool:
    return test == module or test.startswith(f"{module}.") or f" ({module}." in test


def updated(causes: Causes, driver: str, series: str, difference: Difference) -> dict[Entry, Cause]:
    """Return the ledger without what did not fail, and with what failed without a reason."""
    stale = {Entry(test, driver, series) for test in difference.stale}
    kept = {entry: cause for entry, cause in causes.items() if entry not in stale}
    return kept | {Entry(test, driver, series): likely_cause(causes, test) for test in difference.unexpected}


def likely_cause(causes: Causes, test: str) -> Cause:
    """Return the cause for which a test fails on another driver or version, if there is one."""
    return next((cause for entry, cause in causes.items() if entry.test == test), Cause(UNCLASSIFIED))


def groups_of(causes: Causes) -> list[Group]:
    """Return the entries as few groups, in an order that does not depend on theirs."""
    places: dict[tuple[Cause, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry, cause in causes.items():
        places[cause, entry.test][entry.series].add(entry.driver)
    tests: dict[tuple[Cause, tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for (cause, test), by_series in places.items():
        for drivers in {frozenset(drivers) for drivers in by_series.values()}:
            django = tuple(series for series in SERIES if by_series.get(series, set()) == set(drivers))
            tests[cause, tuple(name for name in DRIVERS if name in drivers), django].append(test)
    return sorted(
        (Group(cause.reason, drivers, tuple(sorted(names)), django, cause.sometimes) for (cause, drivers, django), names in tests.items()),
        key=lambda group: (group.reason != UNCLASSIFIED, group.reason, group.drivers, group.django),
    )


def write(causes: Causes, path: Path | None = None) -> None:
    """Write a ledger."""
    (path or FILE).write_text("\n".join([HEADER, *map(text_of, groups_of(causes))]), encoding="utf-8")


def text_of(group: Group) -> str:
    """Return a group in TOML, whose strings may be written as JSON's."""
    lines = ["[[group]]", f"reason = {json.dumps(group.reason)}", f"drivers = {json.dumps(group.drivers)}"]
    if group.django != SERIES:
        lines.append(f"django = {json.dumps(group.django)}")
    if group.sometimes:
        lines.append("sometimes = true")
    return "\n".join([*lines, "tests = [", *(f"    {json.dumps(test)}," for test in group.tests), "]", ""])
