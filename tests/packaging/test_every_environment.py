"""What plain `tox` runs, what it leaves out, and what it says of it."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BY_HAND = {"django-suite-django60", "django-suite-django61"}  # half an hour each
SUITE = '<testsuites><testsuite tests="{tests}" failures="{failures}" errors="0" skipped="0"/></testsuites>'


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, with a folder of its own for the reports, on a machine where the emulators can run."""
    monkeypatch.syspath_prepend(ROOT / ".ci")
    spec = importlib.util.spec_from_file_location("every_environment", ROOT / ".ci" / "every_environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # a dataclass looks its module up
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "REPORTS", tmp_path)
    monkeypatch.setattr(module, "why_not", lambda: "")
    return module


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Stand in for tox; what it was asked to run. An environment ends as its name says."""
    names: list[str] = []

    def run(command: list[str], **_: Any) -> None:
        names.extend(command[-1].split(","))
        results = {name: {"result": {"success": "bad" not in name, "skipped": "old" in name, "duration": 1.5}} for name in names}
        (tmp_path / "tox.json").write_text(json.dumps({"testenvs": results}))
        (tmp_path / "memory-good.xml").write_text(SUITE.format(tests=7, failures=0))
        (tmp_path / "memory-bad.xml").write_text(SUITE.format(tests=5, failures=2))

    monkeypatch.setattr(subprocess, "run", run)
    return names


def test_all_that_passes_is_a_success(script: ModuleType, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--", "lint", "memory-good"]) == 0
    assert asked == ["lint", "memory-good"]
    assert "passed:   memory-good in 1.5s: 7 tests\n" in capsys.readouterr().out


def test_one_that_fails_is_a_failure(script: ModuleType, asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--", "memory-good", "memory-bad"]) == 1
    assert asked == ["memory-good", "memory-bad"]
    printed = capsys.readouterr().out
    assert "FAILED:   memory-bad in 1.5s: 5 tests\n" in printed
    assert "10 passed, 2 failed, 0 skipped\n" in printed
    assert re.search(r"=+ 1 environments passed, 1 failed, 0 left out in [\d.]+s =+\n$", printed)


@pytest.mark.usefixtures("asked")
def test_a_missing_python_is_left_out_and_said(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--", "lint", "memory-old"]) == 0
    assert "left out: memory-old: the Python that it needs is not installed" in capsys.readouterr().out


def test_without_gcloud_the_stores_are_left_out_and_it_is_said(
    script: ModuleType, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "why_not", lambda: "There is no gcloud.")
    assert script.main(["--", "lint", "datastore-good", "firestore-good"]) == 0
    assert asked == ["lint"]
    assert "left out: datastore-good: There is no gcloud.\nleft out: firestore-good: There is no gcloud.\n" in capsys.readouterr().out


@pytest.mark.usefixtures("asked")
def test_nothing_that_ran_is_a_failure(script: ModuleType) -> None:
    assert script.main(["--", "memory-old"]) == 1


def test_plain_tox_runs_every_environment_that_there_is() -> None:
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    (command,) = re.findall(r"every_environment\.py \{posargs\} -- \\\n((?:.*\\\n)*.*)\n", text)
    named = set(command.replace("\\", " ").split())
    sections = re.findall(r"^\[testenv:(.+)\]$", text, flags=re.MULTILINE)
    generated = {name for section in sections for name in expanded(section)}
    assert named == generated - {"all"} - BY_HAND


def expanded(section: str) -> list[str]:
    """Return the environments of a section, whose name has alternatives in braces."""
    parts = [part.split(",") for part in re.split(r"[{}]", section)]
    return ["".join(choice) for choice in itertools.product(*parts)]
