"""The result class that records, on tests of each outcome."""

from __future__ import annotations

import io
import json
import unittest
from pathlib import Path
from typing import Any

import pytest

from .recording import Recorder, RecordingResult, flattened


class Speechless:
    """A parameter that has no text, as a queryset without its database."""

    def __repr__(self) -> str:
        raise RuntimeError


class Sample(unittest.TestCase):
    __test__ = False

    def passing(self) -> None:
        pass

    def failing(self) -> None:
        self.assertEqual(1, 2)  # noqa: PT009

    def breaking(self) -> None:
        raise KeyError("x")

    def skipping(self) -> None:
        self.skipTest("no browser")

    def failing_in_part(self) -> None:
        for number in (1, 2):
            with self.subTest(number=number, speechless=Speechless()):
                self.assertEqual(number, 1)  # noqa: PT009

    @unittest.expectedFailure
    def expected(self) -> None:
        self.failing()

    @unittest.expectedFailure
    def unexpected(self) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "outcome", "detail"),
    [
        ("passing", "passed", ""),
        ("failing", "failed", "AssertionError: 1 != 2"),
        ("breaking", "error", "KeyError: 'x'"),
        ("skipping", "skipped", "no browser"),
        ("failing_in_part", "failed", "AssertionError: 2 != 1"),
        ("expected", "expected failure", ""),
        ("unexpected", "failed", "The test is marked as an expected failure, and passed."),
    ],
)
def test_an_outcome_is_recorded_under_the_id_of_its_test(tmp_path: Path, name: str, outcome: str, detail: str) -> None:
    result: Any = type("Result", (RecordingResult,), {"recorder": Recorder(str(tmp_path / "record"))})
    test = Sample(name)
    unittest.TextTestRunner(stream=io.StringIO(), resultclass=result).run(test)
    (line,) = map(json.loads, (tmp_path / "record").read_text().splitlines())
    assert (line["id"], line["outcome"], line["detail"]) == (test.id(), outcome, detail)


def test_the_tests_of_nested_suites_are_given_in_order() -> None:
    one, two, three = Sample("passing"), Sample("failing"), Sample("skipping")
    assert list(flattened(unittest.TestSuite([one, unittest.TestSuite([two]), three]))) == [one, two, three]
