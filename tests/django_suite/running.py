"""Runs test modules of Django, each in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from kindstore.testing.emulator import Emulator, EmulatorError

from .outcomes import ModuleRun, outcomes_of, read_lines

DRIVERS = ("memory", "datastore", "firestore", "sqlite3")
HERE = Path(__file__).resolve().parent


class Suite:
    """Runs modules on a driver.

    `tests` is the folder of Django's tests, `output` where to write, `seconds` what a module may take, `host` that of the emulator.
    """

    def __init__(self, driver: str, tests: Path, output: Path, seconds: float, host: str = "") -> None:
        self.driver, self.tests, self.output, self.seconds, self.host = driver, tests, output, seconds, host
        self.stopped = False
        self._running: set[subprocess.Popen[bytes]] = set()

    def stop(self) -> None:
        """End what runs, and all that it started."""
        self.stopped = True
        for process in tuple(self._running):
            _kill(process)

    def run(self, module: str, labels: Sequence[str]) -> ModuleRun:
        """Run a module, or some labels of it, and return what became of its tests."""
        record, log = self.output / f"{module}.jsonl", self.output / f"{module}.log"
        self.output.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        command = [sys.executable, "runtests.py", "--settings=django_suite.settings", "--parallel=1", "--noinput", "-v1", *labels]
        started = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.tests,
                env=self._environment(module, record),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
            if self.stopped:  # since this run was begun
                _kill(process)
            overdue = self._wait(process)
            self._running.discard(process)
        lines = list(read_lines(record))
        problem = "" if any("finished" in line for line in lines) else self._problem(log, overdue=overdue)
        return ModuleRun(module, outcomes_of(lines, module, problem), time.monotonic() - started, problem)

    def earlier(self, module: str) -> ModuleRun | None:
        """Return what an earlier run of the whole module recorded, if there is one."""
        lines = list(read_lines(self.output / f"{module}.jsonl"))
        if not any(line.get("labels") == [module] for line in lines) or not any("finished" in line for line in lines):
            return None
        return ModuleRun(module, outcomes_of(lines, module, ""))

    def _environment(self, module: str, record: Path) -> Mapping[str, str]:
        path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
        own = {
            "PYTHONPATH": path,
            "DJANGO_SUITE_DRIVER": self.driver,
            "DJANGO_SUITE_RUN": f"{re.sub('[^a-z0-9]+', '-', module)}-{uuid.uuid4().hex[:8]}",
            "DJANGO_SUITE_OUTPUT": str(record),
        }
        return os.environ | own | ({"DATASTORE_EMULATOR_HOST": self.host} if self.host else {})

    def _wait(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the process, end it when it is overdue, and tell whether it was."""
        try:
            process.wait(self.seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.wait()
            return True
        return False

    def _problem(self, log: Path, *, overdue: bool) -> str:
        if overdue:
            return f"The module took more than {self.seconds:.0f} seconds (--timeout)."
        words = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return f"The process of the module ended early: {' | '.join(words[-1:])[:1000]}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.killpg(process.pid, signal.SIGKILL)


def run_all(suite: Suite, labels: Mapping[str, Sequence[str]], jobs: int, report: Callable[[ModuleRun], None]) -> list[ModuleRun]:
    """Run the labels of each module, `jobs` processes at once, and report each when it has ended, unless the run is interrupted."""

    def run(module: str) -> ModuleRun:
        done = suite.run(module, labels[module])
        if not suite.stopped:
            report(done)
        return done

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(run, labels))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        suite.stop()


@contextmanager
def emulator(driver: str) -> Iterator[str]:
    """Give the host of the emulator of a driver, "" for a driver that needs none."""
    if driver not in ("datastore", "firestore"):
        yield ""
        return
    running = Emulator("datastore" if driver == "datastore" else "firestore")
    try:
        running.start()
    except EmulatorError as error:
        raise SystemExit(str(error)) from None
    with running:
        yield running.host
