"""The firestore driver passes the conformance suite on its emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kindstore.core.driver import Driver
from kindstore.core.settings import AliasSettings
from kindstore.drivers.firestore_datastore_mode.plugin import FirestorePlugin
from kindstore.testing.conformance import DriverConformance


@pytest.fixture(scope="module")
def driver(firestore_emulator: str) -> Iterator[Driver]:
    settings = AliasSettings("default", "", project="kindstore-conformance", driver_options={"emulator_host": firestore_emulator})
    driver = FirestorePlugin().driver(settings)
    yield driver
    driver.close()


class TestFirestore(DriverConformance):
    """Runs the suite on the firestore driver."""
