"""What became of each test of a run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["passed", "failed", "error", "skipped", "expected failure"]

# Where a test is recorded twice, for example by its subtests, the worst counts.
SEVERITY: dict[str, int] = {"passed": 0, "skipped": 1, "expected failure": 2, "failed": 3, "error": 4}
FEATURE = re.compile(r"Database (doesn't support|has) (any of the )?feature\(s\)")
CLASS_FIXTURE = re.compile(r"(?P<name>setUpClass|tearDownClass|setUpModule|tearDownModule) \((?P<place>.+)\)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test: a detail is the reason of a skip or the last line of an error, a trace its traceback."""

    kind: Kind
    detail: str = ""
    trace: str = ""

    @property
    def is_failure(self) -> bool:
        return self.kind in ("failed", "error")

    @property
    def summary(self) -> str:
        """The first line of the detail."""
        return self.detail.partition("\n")[0]

    @property
    def by_feature(self) -> bool:
        """Whether a flag of the backend's features let the test be skipped."""
        return self.kind == "skipped" and FEATURE.match(self.detail) is not None


@dataclass(frozen=True, slots=True)
class ModuleRun:
    """A run of one of Django's test modules."""

    module: str
    outcomes: Mapping[str, Outcome]
    seconds: float = 0.0
    problem: str = ""  # why the module did not end as it should

    def failures(self) -> dict[str, Outcome]:
        return {name: outcome for name, outcome in self.outcomes.items() if outcome.is_failure}

    def skipped(self) -> frozenset[str]:
        return frozenset(name for name, outcome in self.outcomes.items() if outcome.kind == "skipped")

    def skipped_by_feature(self) -> frozenset[str]:
        return frozenset(name for name, outcome in self.outcomes.items() if outcome.by_feature)

    def counts(self) -> Counter[str]:
        return Counter(outcome.kind for outcome in self.outcomes.values())


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Give what the runner recorded; the last line may be cut off, where its process was ended."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def outcomes_of(lines: Iterable[Mapping[str, Any]], module: str, problem: str) -> dict[str, Outcome]:
    """Return the outcome of each test that there was to run; one that did not run has the outcome of what kept it from running."""
    tests: list[str] = []
    found: dict[str, Outcome] = {}
    for line in lines:
        tests.extend(line.get("tests", ()))
        if "id" in line:
            keep_worst(found, line["id"], Outcome(line["outcome"], line["detail"], line["trace"]))
    fixtures = {match["place"]: name for name in found if (match := CLASS_FIXTURE.fullmatch(name))}
    for test in tests:
        if test not in found:
            found[test] = not_run(test, fixtures, found, problem)
    for name in fixtures.values():
        if not name.startswith("tearDown"):
            del found[name]
    return found or {module: Outcome("error", problem or "The module has no tests.")}


def keep_worst(found: dict[str, Outcome], name: str, outcome: Outcome) -> None:
    before = found.get(name)
    if before is None or SEVERITY[outcome.kind] > SEVERITY[before.kind]:
        found[name] = outcome


def not_run(test: str, fixtures: Mapping[str, str], found: Mapping[str, Outcome], problem: str) -> Outcome:
    """Say why a test did not run: its class or module was not set up, or the process ended."""
    place = test
    while place := place.rpartition(".")[0]:
        if place in fixtures:
            return found[fixtures[place]]
    return Outcome("error", problem or "The test was not run.")
