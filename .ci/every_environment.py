"""Run tox on every environment that can run here; leave out the others and print why. `tox` without arguments runs this."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from need_gcloud import why_not

STORES = ("datastore", "firestore")  # the environments of these start Google's emulators
WORK = Path(__file__).resolve().parent.parent / ".tox"
REPORTS = WORK / "reports"


@dataclass
class Outcome:
    """What became of the environments: the seconds that each took, or why it did not run."""

    passed: dict[str, float] = field(default_factory=dict)
    failed: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def main(arguments: list[str]) -> int:
    """Run `[options of tox run] -- environments` and print a summary. Return 1 when one failed or none ran."""
    split = arguments.index("--")
    options, names = arguments[:split], arguments[split + 1 :]
    outcome = Outcome()
    reason = why_not()
    if reason:
        outcome.left_out = {name: reason for name in names if name.startswith(STORES)}
    started = time.monotonic()
    run([name for name in names if name not in outcome.left_out], options, outcome)
    summarize(outcome, time.monotonic() - started)
    return 0 if outcome.passed and not outcome.failed else 1


def run(names: list[str], options: list[str], outcome: Outcome) -> None:
    """Run the environments in one tox and sort them by their results."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    for stale in REPORTS.iterdir():
        stale.unlink()
    result = REPORTS / "tox.json"
    command = [sys.executable, "-m", "tox", "run", "--skip-missing-interpreters", "true", "--result-json", str(result), *options]
    subprocess.run([*command, "-e", ",".join(names)], check=False)
    environments = json.loads(result.read_text(encoding="utf-8"))["testenvs"] if result.exists() else {}
    for name in names:
        found = environments.get(name, {}).get("result", {"success": False, "duration": 0.0})
        if found.get("skipped"):
            outcome.left_out[name] = "the Python that it needs is not installed; Django 6 needs 3.12 or later."
        else:
            (outcome.passed if found["success"] else outcome.failed)[name] = found["duration"]


def summarize(outcome: Outcome, seconds: float) -> None:
    """Print a line for each environment and for each sum, as pytest does."""
    print(f"\n{' environments ':=^80}")
    for name, duration in outcome.passed.items():
        print(f"passed:   {name} in {duration:.1f}s{tests_of(name)}")
    for name, why in outcome.left_out.items():
        print(f"left out: {name}: {why}")
    for name, duration in outcome.failed.items():
        print(f"FAILED:   {name} in {duration:.1f}s{tests_of(name)}")
    tests = {key: sum(counts(name)[key] for name in (*outcome.passed, *outcome.failed)) for key in ("tests", "failures", "skipped")}
    print(f"{' tests ':=^80}")
    print(f"{tests['tests'] - tests['failures'] - tests['skipped']} passed, {tests['failures']} failed, {tests['skipped']} skipped")
    parts = f"{len(outcome.passed)} environments passed, {len(outcome.failed)} failed, {len(outcome.left_out)} left out"
    print(f"{f' {parts} in {seconds:.2f}s ':=^80}", flush=True)


def tests_of(name: str) -> str:
    """Say how many tests an environment ran, where it is one that runs tests."""
    found = counts(name)
    return f": {found['tests']} tests" if found["tests"] else ""


def counts(name: str) -> dict[str, int]:
    """Return the sums of an environment's reports; errors count as failures."""
    sums = {"tests": 0, "failures": 0, "skipped": 0}
    for report in REPORTS.glob(f"{name}*.xml"):
        for suite in ElementTree.parse(report).iter("testsuite"):
            sums["tests"] += int(suite.get("tests", 0))
            sums["failures"] += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            sums["skipped"] += int(suite.get("skipped", 0))
    return sums


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
