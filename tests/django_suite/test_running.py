"""A module runs in a process of its own, which may end early or take too long."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .outcomes import ModuleRun, Outcome
from .running import Suite, run_all

SECONDS = 600.0
RECORD = """
import json, os, sys
def write(**line):
    with open(os.environ["DJANGO_SUITE_OUTPUT"], "a") as file:
        file.write(json.dumps(line) + "\\n")
write(labels=sys.argv[5:], tests=["m.A.one", "m.A.two"])
write(id="m.A.one", outcome="passed", detail=os.environ["DJANGO_SUITE_DRIVER"], trace="")
"""
FINISH = 'write(id="m.A.two", outcome="passed", detail=sys.argv[-1], trace="")\nwrite(finished=True)'


def run(folder: Path, end: str, label: str = "m.A") -> ModuleRun:
    """Run a module whose script ends in some way."""
    (folder / "runtests.py").write_text(RECORD + end)
    return Suite("memory", folder, folder / "output", SECONDS).run("m", [label])


def test_what_the_process_records_is_the_outcome(tmp_path: Path) -> None:
    done = run(tmp_path, FINISH)
    assert done.outcomes == {"m.A.one": Outcome("passed", "memory"), "m.A.two": Outcome("passed", "m.A")}
    assert done.problem == ""


def test_the_tests_that_a_broken_process_did_not_run_fail(tmp_path: Path) -> None:
    done = run(tmp_path, "sys.exit('no memory left')")
    assert done.outcomes["m.A.two"] == Outcome("error", "The process of the module ended early: no memory left")


class Impatient(Suite):
    """Waits until a process says that it is ready, and then hardly at all."""

    def _wait(self, process: subprocess.Popen[bytes]) -> bool:
        (self.tests / "ready").read_text()
        return super()._wait(process)


def test_the_tests_that_an_overdue_process_did_not_run_fail(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    (tmp_path / "runtests.py").write_text(RECORD + "import threading\nopen('ready', 'w').close()\nthreading.Event().wait()")
    done = Impatient("memory", tmp_path, tmp_path / "output", 0.01).run("m", ["m"])
    assert done.outcomes == {
        "m.A.one": Outcome("passed", "memory"),
        "m.A.two": Outcome("error", "The module took more than 0 seconds (--timeout)."),
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_modules_are_reported_as_they_end_and_returned_in_order(tmp_path: Path, jobs: int) -> None:
    (tmp_path / "runtests.py").write_text(RECORD + FINISH)
    reported: list[ModuleRun] = []
    done = run_all(Suite("memory", tmp_path, tmp_path / "output", SECONDS), {"m": ["m"], "n": ["n"]}, jobs, reported.append)
    assert [found.module for found in done] == ["m", "n"]
    assert sorted(found.module for found in reported) == ["m", "n"]


def test_a_run_of_a_whole_module_is_remembered(tmp_path: Path) -> None:
    done = run(tmp_path, FINISH, label="m")
    found = Suite("memory", tmp_path, tmp_path / "output", SECONDS).earlier("m")
    assert found is not None
    assert found.outcomes == done.outcomes


@pytest.mark.parametrize(("end", "label"), [(FINISH, "m.A"), ("sys.exit(1)", "m")])
def test_a_run_of_a_part_is_not(tmp_path: Path, end: str, label: str) -> None:
    run(tmp_path, end, label=label)
    assert Suite("memory", tmp_path, tmp_path / "output", SECONDS).earlier("m") is None


def test_a_run_that_is_interrupted_ends_its_processes(tmp_path: Path) -> None:
    (tmp_path / "runtests.py").write_text(RECORD + "import time\nif 'm' not in sys.argv:\n    time.sleep(600)\n")
    suite = Suite("memory", tmp_path, tmp_path / "output", SECONDS)

    def report(done: ModuleRun) -> None:
        raise RuntimeError(done.module)

    with pytest.raises(RuntimeError, match="m"):
        run_all(suite, {"m": ["m"], "n": ["n"], "o": ["o"]}, 2, report)
    assert suite.stopped
    assert suite.run("p", ["p"]).problem.startswith("The process of the module ended early")
