"""The report by which CI counts."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from . import junit
from .outcomes import ModuleRun, Outcome


def test_a_failure_that_the_ledger_knows_counts_as_skipped(tmp_path: Path) -> None:
    run = ModuleRun("m", {"m.A.new": Outcome("error", "E\x00", "t"), "m.A.known": Outcome("failed"), "m.A.skip": Outcome("skipped")}, 2.0)
    junit.write(tmp_path / "reports" / "report.xml", [run], {"m.A.new"})
    (suite,) = ElementTree.parse(tmp_path / "reports" / "report.xml").iter("testsuite")
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "2",
    }
    assert [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")] == [("m.A", "new")]
    assert [failure.get("message") for failure in suite.iter("failure")] == ["E?"]
