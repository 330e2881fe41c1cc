"""pytest fixtures: running emulators. Enable them with `pytest_plugins = ["kindstore.testing.fixtures"]` in the root conftest."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .emulator import Emulator, Kind

pytest.register_assert_rewrite("kindstore.testing.conformance")

VARIABLES: dict[Kind, str] = {"datastore": "KINDSTORE_DATASTORE_EMULATOR", "firestore": "KINDSTORE_FIRESTORE_EMULATOR"}


@pytest.fixture(scope="session")
def datastore_emulator() -> Iterator[str]:
    """Host and port of Cloud Datastore's emulator at consistency 1.0; KINDSTORE_DATASTORE_EMULATOR names one that runs already."""
    yield from _emulator("datastore")


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """Host and port of Firestore's emulator in Datastore mode; KINDSTORE_FIRESTORE_EMULATOR names one that runs already."""
    yield from _emulator("firestore")


def _emulator(kind: Kind) -> Iterator[str]:
    running = os.environ.get(VARIABLES[kind])
    if running:
        yield running
        return
    with Emulator(kind) as emulator:
        yield emulator.host
