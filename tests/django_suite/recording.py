"""A runner for Django's tests that writes down, line by line, what became of each. It runs in the process of `runtests.py`."""

from __future__ import annotations

import json
import os
import sys
import traceback
import unittest
from collections.abc import Iterator
from typing import Any

from django.test.runner import DiscoverRunner

TRACE_LINES = 40


class Recorder:
    """Appends to the file that DJANGO_SUITE_OUTPUT names. Processes that a test forks leave it alone."""

    def __init__(self, path: str) -> None:
        self._process = os.getpid()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, **line: Any) -> None:
        if os.getpid() == self._process:
            os.write(self._file, json.dumps(line).encode() + b"\n")


class RecordingResult(unittest.TextTestResult):
    """Records each outcome under the id of its test, that of a subtest under its test's."""

    recorder: Recorder

    def getDescription(self, test: Any) -> str:  # noqa: N802 - unittest's name
        """Describe a subtest by its test: its parameters may be querysets, which have no text once their database is gone."""
        return super().getDescription(getattr(test, "test_case", test))

    def addSuccess(self, test: Any) -> None:  # noqa: N802
        super().addSuccess(test)
        self._record(test, "passed")

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._record_error(test, "failed", err)

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._record_error(test, "error", err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._record_error(test, "failed" if issubclass(err[0], test.failureException) else "error", err)

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addExpectedFailure(test, err)
        self._record(test, "expected failure")

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        self._record(test, "failed", "The test is marked as an expected failure, and passed.")

    def _record_error(self, test: Any, outcome: str, err: Any) -> None:
        kind, error, trace = err
        lines = "".join(traceback.format_exception(kind, error, trace)).splitlines()
        summary = "".join(traceback.format_exception_only(kind, error)).strip()
        self._record(test, outcome, summary[:1000], "\n".join(lines[-TRACE_LINES:]))

    def _record(self, test: Any, outcome: str, detail: str = "", trace: str = "") -> None:
        test = getattr(test, "test_case", test)
        self.recorder.write(id=test.id(), outcome=outcome, detail=detail, trace=trace)


class RecordingRunner(DiscoverRunner):
    """Django's runner with our result class."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.recorder = Recorder(os.environ["DJANGO_SUITE_OUTPUT"])

    def build_suite(self, test_labels: Any = None, **options: Any) -> Any:
        suite = super().build_suite(test_labels, **options)
        self.recorder.write(labels=list(test_labels or ()), tests=[test.id() for test in flattened(suite)])
        return suite

    def get_resultclass(self) -> type[RecordingResult]:
        return type("RecordingResult", (RecordingResult,), {"recorder": self.recorder})

    def run_tests(self, *args: Any, **options: Any) -> int:
        failures: int = super().run_tests(*args, **options)
        self.recorder.write(finished=True)
        sys.stdout.flush()
        return failures


def flattened(suite: Any) -> Iterator[Any]:
    """Give the tests of a suite and of those in it."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flattened(test)
        else:
            yield test
