"""What a run recorded becomes one outcome for each test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .outcomes import Outcome, outcomes_of, read_lines


def line(name: str, outcome: str, detail: str = "") -> dict[str, Any]:
    return {"id": name, "outcome": outcome, "detail": detail, "trace": ""}


def test_each_test_has_its_outcome() -> None:
    lines = [{"tests": ["m.A.one", "m.A.two"]}, line("m.A.one", "passed"), line("m.A.two", "failed", "E: x")]
    assert outcomes_of(lines, "m", "") == {"m.A.one": Outcome("passed"), "m.A.two": Outcome("failed", "E: x")}


@pytest.mark.parametrize("kinds", [("failed", "passed"), ("passed", "failed"), ("skipped", "failed"), ("failed", "skipped")])
def test_the_worst_of_several_outcomes_counts(kinds: tuple[str, str]) -> None:
    found = outcomes_of([{"tests": ["m.A.one"]}, *(line("m.A.one", kind) for kind in kinds)], "m", "")
    assert found["m.A.one"].kind == "failed"


def test_the_tests_of_a_class_that_was_not_set_up_fail_for_its_reason() -> None:
    lines = [{"tests": ["m.A.one", "m.A.two", "m.B.one"]}, line("setUpClass (m.A)", "error", "E: no"), line("m.B.one", "passed")]
    assert outcomes_of(lines, "m", "") == {
        "m.A.one": Outcome("error", "E: no"),
        "m.A.two": Outcome("error", "E: no"),
        "m.B.one": Outcome("passed"),
    }


def test_the_tests_of_a_class_that_skips_itself_are_skipped() -> None:
    lines = [{"tests": ["m.A.one"]}, line("setUpClass (m.A)", "skipped", "no browser")]
    assert outcomes_of(lines, "m", "") == {"m.A.one": Outcome("skipped", "no browser")}


def test_a_class_that_cannot_be_torn_down_is_a_failure_of_its_own() -> None:
    lines = [{"tests": ["m.A.one"]}, line("m.A.one", "passed"), line("tearDownClass (m.A)", "error", "E: left")]
    assert outcomes_of(lines, "m", "")["tearDownClass (m.A)"] == Outcome("error", "E: left")


def test_what_was_not_run_fails_with_the_problem_of_the_module() -> None:
    lines = [{"tests": ["m.A.one", "m.A.two"]}, line("m.A.one", "passed")]
    assert outcomes_of(lines, "m", "It took too long.")["m.A.two"] == Outcome("error", "It took too long.")


def test_a_module_that_did_not_start_is_one_failure() -> None:
    assert outcomes_of([], "m", "It has a syntax error.") == {"m": Outcome("error", "It has a syntax error.")}


@pytest.mark.parametrize(
    ("reason", "by_feature"),
    [
        ("Database doesn't support feature(s): has_native_uuid_field", True),
        ("Database has feature(s) interprets_empty_strings_as_nulls", True),
        ("Database doesn't support any of the feature(s): a, b", True),
        ("PostgreSQL tests", False),
    ],
)
def test_a_skip_by_a_flag_is_told_from_others(reason: str, by_feature: bool) -> None:
    assert Outcome("skipped", reason).by_feature is by_feature


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"tests": ["m.A.one"]}\n{"id": "m.A.o')
    assert list(read_lines(path)) == [{"tests": ["m.A.one"]}]
