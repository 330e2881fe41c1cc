"""The store of the tests of faults, and what they tell at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

REPORT = "faults"


@pytest.fixture
def namespace(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the connection have transactions, constraints, and a namespace that is empty."""
    name = f"faults-{uuid4().hex}"
    monkeypatch.setitem(connection.settings_dict, "NAMESPACE", name)
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", ["transactions", "constraints"])
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    with django_db_blocker.unblock():
        connection.close()
        yield name
        connection.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how often each fault was injected."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [f"{report.nodeid}: {text}" for report in reports for name, text in report.user_properties if name == REPORT]
    if lines:
        terminalreporter.section("faults injected")
        terminalreporter.write_line("\n".join(lines))
