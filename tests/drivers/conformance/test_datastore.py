"""The datastore driver passes the conformance suite on its emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kindstore.core.driver import Driver
from kindstore.core.settings import AliasSettings
from kindstore.drivers.datastore.plugin import DatastorePlugin
from kindstore.testing.conformance import DriverConformance


@pytest.fixture(scope="module")
def driver(datastore_emulator: str) -> Iterator[Driver]:
    settings = AliasSettings("default", "", project="kindstore-conformance", driver_options={"emulator_host": datastore_emulator})
    driver = DatastorePlugin().driver(settings)
    yield driver
    driver.close()


class TestDatastore(DriverConformance):
    """Runs the suite on the datastore driver."""
