"""Processes that are killed while they write to an emulator."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from kindstore.testing import connection_with

from .experiment import observed
from .killing import kill_again_and_again

DRIVERS = {"datastore": "datastore", "firestore": "firestore_datastore_mode"}
KEYS = ("ENGINE", "PROJECT", "NAMESPACE", "PLUGINS", "OPTIONS")


@pytest.fixture(params=list(DRIVERS))
def emulated(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Any]:
    """Give a connection to an emulator."""
    options = {"driver": {"emulator_host": request.getfixturevalue(f"{request.param}_emulator")}}
    plugins = ["transactions", "constraints"]
    with (
        django_db_blocker.unblock(),
        connection_with(plugins, DRIVERS[request.param], options=options, PROJECT="kindstore-tests") as connection,
    ):
        yield connection


def test_a_killed_process_leaves_what_it_reported_and_no_half_operation(emulated: Any) -> None:
    settings, driver = emulated.settings_dict, emulated.kindstore.driver
    assert kill_again_and_again({key: settings[key] for key in KEYS}, lambda: observed(driver, settings["NAMESPACE"]))
    call_command("kindstore_constraints", "check", "bank.Account", database=emulated.alias, stdout=StringIO())
