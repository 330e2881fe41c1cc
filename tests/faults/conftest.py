"""The store of the tests of faults, and what they tell at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

REPORT = "faults"


@pytest.fixture
def namespace(own_store: Any) -> Iterator[str]:
    """Let the connection have transactions, constraints, and a namespace that is empty."""
    with own_store("faults", ["transactions", "constraints"], {}) as name:
        yield name


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how often each fault was injected."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [f"{report.nodeid}: {text}" for report in reports for name, text in report.user_properties if name == REPORT]
    if lines:
        terminalreporter.section("faults injected")
        terminalreporter.write_line("\n".join(lines))
