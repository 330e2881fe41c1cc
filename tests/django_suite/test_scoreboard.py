"""The counts of runs, and the page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from . import ledger, scoreboard
from .outcomes import ModuleRun, Outcome
from .running import Suite

FLAG = "Database doesn't support feature(s): x"
RUN = ModuleRun(
    "m",
    {
        "m.A.passed": Outcome("passed"),
        "m.A.failed": Outcome("failed", "E"),
        "m.A.error": Outcome("error", "E"),
        "m.A.expected": Outcome("expected failure"),
        "m.A.flag": Outcome("skipped", FLAG),
        "m.A.everywhere": Outcome("skipped", "no browser"),
    },
)
COUNTS = {
    "passed": 1,
    "failed": 2,
    "expected_failures": 1,
    "skipped_by_feature": 1,
    "skipped_otherwise": 1,
    "by_feature_beyond_sqlite3": 1,
    "otherwise_beyond_sqlite3": 0,
}
VERSIONS = {"Django": "5.2.9", "Python": "3.11.1"}
BASELINES = {"m": frozenset(["m.A.everywhere"])}


def merged(results: scoreboard.Results, day: int = 1) -> scoreboard.Results:
    return scoreboard.merge(results, ("5.2", "memory"), [RUN], VERSIONS, BASELINES, lambda: datetime(2026, 11, day, tzinfo=UTC))


def test_outcomes_are_counted() -> None:
    assert scoreboard.counts_of(RUN, BASELINES["m"]) == COUNTS


def test_a_run_takes_the_place_of_an_earlier_one_of_its_modules() -> None:
    other = {"versions": VERSIONS, "modules": {"a": {**COUNTS, "date": "2026-10-01"}}}
    modules = merged(merged({"5.2 memory": other}), day=2)["5.2 memory"]["modules"]
    assert modules == {
        "a": {**COUNTS, "date": "2026-10-01"},
        "m": {**COUNTS, "date": "2026-11-02", "django": "5.2.9", "python": "3.11.1"},
    }


class Baseline(Suite):
    """Django's sqlite3 backend, which skips one test, and has run the module m before."""

    def earlier(self, module: str) -> ModuleRun | None:
        return ModuleRun("m", {"m.A.everywhere": Outcome("skipped", "no browser")}) if module == "m" else None

    def run(self, module: str, _labels: Sequence[str]) -> ModuleRun:
        return ModuleRun(module, RUN.outcomes)


@pytest.mark.parametrize(("module", "beyond"), [("m", 1), ("n", 0)])
def test_what_sqlite3_skips_is_known_from_a_run_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, beyond: int
) -> None:
    monkeypatch.setattr(scoreboard, "FILE", tmp_path / "results.json")
    board = scoreboard.Board("5.2", "memory", VERSIONS, Baseline("sqlite3", tmp_path, tmp_path, 1.0))
    board.add(ModuleRun(module, RUN.outcomes))
    assert scoreboard.read()["5.2 memory"]["modules"][module]["by_feature_beyond_sqlite3"] == beyond
    assert list(scoreboard.read()["5.2 sqlite3"]["modules"]) == [module]


def test_the_share_is_of_what_ran() -> None:
    assert scoreboard.share({"passed": 1, "failed": 2, "skipped_by_feature": 100}) == "33.333 %"


def test_a_share_is_not_rounded_up() -> None:
    assert scoreboard.share({"passed": 999_999, "failed": 1}) == "99.999 %"


def test_nothing_that_ran_has_no_share() -> None:
    assert scoreboard.share({"passed": 0, "failed": 0}) == "-"


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    scoreboard.write(merged({}), tmp_path / "results.json")
    assert scoreboard.read(tmp_path / "results.json") == merged({})


def test_the_page_shows_totals_modules_and_reasons() -> None:
    text = scoreboard.page(merged({}), [ledger.Group("The store has no key 0.", ("memory",), ("m.A.failed",))])
    assert "| 5.2 | memory | 1 | 6 | 1 | 2 | 33.333 % | 1 | 1 | 1 | 1 (16.67 %) | 0 (0.00 %) |" in text
    assert "| m | 1 / **2** / 2 |" in text
    assert "### The store has no key 0.\n\n1 on memory; Django 5.2, 6.0, 6.1:\n\n- `m.A.failed`" in text
    assert "- `tox run -e django-suite -- --driver memory --record`: 2026-11-01; Django 5.2.9, Python 3.11.1" in text


def test_the_page_of_this_checkout_is_that_of_its_results() -> None:
    assert scoreboard.PAGE.read_text(encoding="utf-8") == scoreboard.page(scoreboard.read(), ledger.groups_of(ledger.read()))
