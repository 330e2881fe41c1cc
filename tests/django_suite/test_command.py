"""The command: what it runs, and when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import __main__ as command
from . import ledger, scoreboard
from .outcomes import ModuleRun, Outcome
from .running import Suite


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Outcome]:
    """The outcomes of the tests of each module that is asked for; all files are in a folder of this test."""
    found: dict[str, Outcome] = {}
    monkeypatch.setattr(command, "fetch", lambda: tmp_path)
    monkeypatch.setattr(command, "django_version", lambda: "5.2.9")
    monkeypatch.setattr(Suite, "run", lambda _suite, module, _labels: ModuleRun(module, dict(found)))
    monkeypatch.setattr(command, "CACHE", tmp_path)
    monkeypatch.setattr(ledger, "FILE", tmp_path / "ledger.toml")
    monkeypatch.setattr(scoreboard, "FILE", tmp_path / "results.json")
    monkeypatch.setattr(scoreboard, "PAGE", tmp_path / "page.md")
    return found


def test_a_run_as_the_ledger_has_it_succeeds(outcomes: dict[str, Outcome]) -> None:
    outcomes["m.A.one"] = Outcome("passed")
    assert command.main(["m"]) == 0


def test_an_unexpected_failure_fails_and_is_printed(outcomes: dict[str, Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    outcomes["m.A.one"] = Outcome("failed", "AssertionError: 1 != 2")
    assert command.main(["m"]) == 1
    assert "FAILED, and not in the ledger: m.A.one: AssertionError: 1 != 2\n" in capsys.readouterr().out


def test_a_failure_that_was_put_into_the_ledger_fails_until_it_has_a_reason(outcomes: dict[str, Outcome]) -> None:
    outcomes["m.A.one"] = Outcome("failed", "E")
    assert command.main(["m", "--update-ledger"]) == 1
    assert command.main(["m"]) == 1
    ledger.write(dict.fromkeys(ledger.read(), ledger.Cause("The store has none.")))
    assert command.main(["m"]) == 0


def test_a_known_failure_that_passes_fails_until_the_ledger_is_updated(outcomes: dict[str, Outcome]) -> None:
    ledger.write({ledger.Entry("m.A.one", "memory", "5.2"): ledger.Cause("why")})
    outcomes["m.A.one"] = Outcome("passed")
    assert command.main(["m", "--update-ledger"]) == 1
    assert command.main(["m"]) == 0
    assert ledger.read() == {}


def test_recording_writes_the_counts_of_the_driver_and_of_sqlite3(outcomes: dict[str, Outcome], tmp_path: Path) -> None:
    outcomes["m.A.one"] = Outcome("passed")
    assert command.main(["m", "--record", "--jobs=2", "n"]) == 0
    assert {name: list(run["modules"]) for name, run in scoreboard.read().items()} == {"5.2 memory": ["m", "n"], "5.2 sqlite3": ["m", "n"]}
    assert "| m | 1 / 0 / 0 | 1 / 0 / 0 |" in (tmp_path / "page.md").read_text()


@pytest.mark.usefixtures("outcomes")
def test_a_part_of_a_module_is_not_recorded() -> None:
    with pytest.raises(SystemExit, match="whole modules"):
        command.main(["m.A.one", "--record"])


def test_labels_are_sorted_by_their_modules() -> None:
    assert command.labels_by_module(["a.B", "c", "a.D.test"]) == {"a": ["a.B", "a.D.test"], "c": ["c"]}
