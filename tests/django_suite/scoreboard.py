"""The scoreboard: the counts of all recorded runs, and the page that is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

from .ledger import Group
from .outcomes import ModuleRun
from .running import DRIVERS, Suite

FILE = Path(__file__).with_name("results.json")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "django-suite.md"
INTRODUCTION = Path(__file__).with_name("introduction.md")
BASELINE = "sqlite3"
OUTCOMES = ("passed", "failed", "expected_failures", "skipped_by_feature", "skipped_otherwise")
BEYOND = ("by_feature_beyond_sqlite3", "otherwise_beyond_sqlite3")  # of those that are skipped
NUMBERS = (*OUTCOMES, *BEYOND)

Counts = Mapping[str, int]
Results = dict[str, dict[str, Any]]  # "5.2 memory" -> the run: versions, command, and its modules


def counts_of(run: ModuleRun, baseline: Set[str]) -> dict[str, int]:
    """Return the counts of one module; `baseline` are the tests that Django's own sqlite3 backend skips."""
    counts, by_feature = run.counts(), run.skipped_by_feature()
    otherwise = run.skipped() - by_feature
    values = (
        counts["passed"],
        counts["failed"] + counts["error"],
        counts["expected failure"],
        len(by_feature),
        len(otherwise),
        len(by_feature - baseline),
        len(otherwise - baseline),
    )
    return dict(zip(NUMBERS, values, strict=True))


def read(path: Path | None = None) -> Results:
    path = path or FILE
    results: Results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return results


def write(results: Results, path: Path | None = None) -> None:
    """Write the results, a module on a line."""
    (path or FILE).write_text(_indented(results) + "\n", encoding="utf-8")


def _indented(value: object, depth: int = 0) -> str:
    if depth == 3 or not isinstance(value, dict):
        return json.dumps(value)
    space = "  " * (depth + 1)
    lines = ",\n".join(f"{space}{json.dumps(key)}: {_indented(value[key], depth + 1)}" for key in value)
    return f"{{\n{lines}\n{'  ' * depth}}}"


def merge(
    results: Results,
    place: tuple[str, str],
    runs: Iterable[ModuleRun],
    versions: Mapping[str, str],
    baselines: Mapping[str, Set[str]],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Results:
    """Return the results with those of some modules on a series and a driver in the place of their earlier ones."""
    name = " ".join(place)
    modules = dict(results.get(name, {}).get("modules", {}))
    stamp = {"date": now().date().isoformat(), "django": versions["Django"], "python": versions["Python"]}
    for run in runs:
        modules[run.module] = counts_of(run, baselines[run.module]) | stamp
    merged = results | {name: {"versions": dict(versions), "modules": dict(sorted(modules.items()))}}
    return dict(sorted(merged.items()))


class Board:
    """Writes the counts of each module as soon as it has ended, so that a long run may be ended; and those of sqlite3 beside them."""

    def __init__(self, series: str, driver: str, versions: Mapping[str, str], baseline: Suite) -> None:
        self._series, self._driver = series, driver
        self._versions = versions
        self._baseline = baseline
        self._lock = Lock()

    def add(self, done: ModuleRun) -> None:
        module = done.module
        baseline = done if self._driver == BASELINE else self._baseline.earlier(module) or self._baseline.run(module, [module])
        skipped = {module: baseline.skipped()}
        with self._lock:
            results = merge(read(), (self._series, self._driver), [done], self._versions, skipped)
            if self._driver != BASELINE:
                results = merge(results, (self._series, BASELINE), [baseline], self._versions, skipped)
            write(results)


def total(modules: Iterable[Counts]) -> dict[str, int]:
    rows = list(modules)
    return {number: sum(row[number] for row in rows) for number in NUMBERS}


def share(counts: Counts) -> str:
    """Return the share of the tests that passed, of those that were neither skipped nor expected to fail by Django, in percent."""
    ran = counts["passed"] + counts["failed"]
    return f"{counts['passed'] * 100_000 // ran / 1000:.3f} %" if ran else "-"


def page(results: Results, groups: Iterable[Group]) -> str:
    """Return the page in Markdown."""
    ledger = list(groups)
    parts = [INTRODUCTION.read_text(encoding="utf-8").rstrip(), totals(results), known(ledger), *tables(results)]
    return "\n\n".join(parts) + "\n"


def totals(results: Results) -> str:
    lines = [
        "## Totals",
        "",
        "| Django | driver | modules | tests | passed | failed | share passed | expected failures | skipped by a flag | other skips | "
        "by a flag, not on sqlite3 | other, not on sqlite3 |",
        "|---|---|" + "--:|" * 10,
    ]
    for series, driver in ordered(results):
        modules = results[f"{series} {driver}"]["modules"]
        sums = total(modules.values())
        tests = sum(sums[number] for number in OUTCOMES)
        beyond = [f"{sums[number]} ({sums[number] * 100 / tests:.2f} %)" if driver != BASELINE else "" for number in BEYOND]
        cells = [series, driver, len(modules), tests, sums["passed"], sums["failed"], share(sums)]
        lines.append(row([*cells, *(sums[number] for number in OUTCOMES[2:]), *beyond]))
    lines += ["", *(provenance(series, driver, results[f"{series} {driver}"]) for series, driver in ordered(results))]
    return "\n".join(lines)


def provenance(series: str, driver: str, run: Mapping[str, Any]) -> str:
    """Say when and with what a run was made."""
    dates = sorted({module["date"] for module in run["modules"].values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return f"- `tox run -e {environment(series)} -- --driver {driver} --record`: {when}; {versions}"


def environment(series: str) -> str:
    return "django-suite" if series == "5.2" else f"django-suite-django{series.replace('.', '')}"


def known(groups: Iterable[Group]) -> str:
    """List the tests of the ledger under their reasons."""
    lines = ["## What is known not to pass"]
    for reason, found in groupby(groups, key=lambda group: group.reason):
        lines += ["", f"### {reason}"]
        for group in found:
            place = f"{', '.join(group.drivers)}; Django {', '.join(group.django)}{'; on some machines' if group.sometimes else ''}"
            lines += ["", f"{len(group.tests)} on {place}:", "", *(f"- `{test}`" for test in group.tests)]
    return "\n".join(lines)


def tables(results: Results) -> Iterable[str]:
    for series in sorted({series for series, _ in ordered(results)}):
        yield table(series, {driver: results[f"{series} {driver}"]["modules"] for of, driver in ordered(results) if of == series})


def table(series: str, by_driver: Mapping[str, Mapping[str, Counts]]) -> str:
    """Return the table of the modules of one version of Django."""
    modules = sorted({module for found in by_driver.values() for module in found})
    lines = [
        f"## Modules of Django {series}",
        "",
        "Passed / failed / skipped; tests that Django expects to fail are left out.",
        "",
        row(["module", *by_driver]),
        "|---|" + "--:|" * len(by_driver),
    ]
    return "\n".join([*lines, *(row([module, *(cell(found.get(module)) for found in by_driver.values())]) for module in modules)])


def cell(counts: Counts | None) -> str:
    if counts is None:
        return "not run"
    skipped = counts["skipped_by_feature"] + counts["skipped_otherwise"]
    failed = f"**{counts['failed']}**" if counts["failed"] else "0"
    return f"{counts['passed']} / {failed} / {skipped}"


def row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def ordered(results: Results) -> list[tuple[str, str]]:
    """Return the series and drivers of the results in the order in which they are shown."""
    pairs = [(series, driver) for series, _, driver in (name.partition(" ") for name in results)]
    return sorted(pairs, key=lambda pair: (pair[0], DRIVERS.index(pair[1])))
