"""Processes that are killed while they write to a memory store's file."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from kindstore.drivers.memory import MemoryDriver
from kindstore.testing import connection_with

from .experiment import observed
from .killing import kill_again_and_again
from .state import State

PLUGINS = ["transactions", "constraints"]


@pytest.fixture
def path(tmp_path: Path, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock():
        yield str(tmp_path / "store")


def test_a_killed_process_leaves_what_it_reported_and_no_half_operation(path: str) -> None:
    def left() -> State:
        driver = MemoryDriver(path)  # opened for a moment: a file belongs to one process at a time
        try:
            return observed(driver, "")
        finally:
            driver.close()

    assert kill_again_and_again({"ENGINE": "kindstore.drivers.memory", "NAME": path, "PLUGINS": PLUGINS}, left)
    with connection_with(PLUGINS, NAME=path, NAMESPACE="") as connection:
        call_command("kindstore_constraints", "check", "bank.Account", database=connection.alias, stdout=StringIO())
