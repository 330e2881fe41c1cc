"""Processes that are killed while they write to an emulator, and one that ends in a block."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from bank.models import Account
from django.core.management import call_command

from kindstore.testing import connection_with

from .experiment import observed
from .killing import ENVIRONMENT, kill_again_and_again

DRIVERS = {"datastore": "datastore", "firestore": "firestore_datastore_mode"}
AT_ONCE = 1.5  # seconds; a lock that nobody gives back is waited for two seconds on Firestore
ENDS_IN_A_BLOCK = """
import sys
from bank.process import configure

configure(sys.argv[1])
from bank.models import Account
from kindstore.plugins.transactions import atomic

block = atomic(isolation="serializable")
block.__enter__()
assert Account.objects.get(pk=1).name == "locked"
"""
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


def test_a_process_that_ends_in_a_block_leaves_no_lock(emulated: Any) -> None:
    settings, accounts = emulated.settings_dict, Account.objects.using(emulated.alias)
    accounts.create(pk=1, name="locked")
    database = json.dumps({key: settings[key] for key in KEYS})
    subprocess.run([sys.executable, "-W", "error", "-c", ENDS_IN_A_BLOCK, database], env=ENVIRONMENT, check=True, timeout=60)
    start = time.monotonic()
    assert accounts.filter(pk=1).update(visits=1) == 1
    assert time.monotonic() - start < AT_ONCE
