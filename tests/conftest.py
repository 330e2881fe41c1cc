"""Runs the tests on the store that KINDSTORE_TEST_DRIVER names: memory (the default), datastore or firestore."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

DRIVERS: dict[str, dict[str, Any]] = {
    "memory": {"ENGINE": "kindstore.drivers.memory", "NAME": ":memory:"},
    "datastore": {"ENGINE": "kindstore.drivers.datastore", "PROJECT": "kindstore-tests"},
    "firestore": {"ENGINE": "kindstore.drivers.firestore_datastore_mode", "PROJECT": "kindstore-tests"},
}
DRIVER = os.environ.get("KINDSTORE_TEST_DRIVER", "memory")
# Each package in tests/apps, which pyproject.toml puts on the path, is an app for the tests.
TEST_APPS = sorted(path.parent.name for path in (Path(__file__).parent / "apps").glob("*/__init__.py"))


def databases() -> dict[str, Any]:
    """Return the setting DATABASES for the chosen driver."""
    if find_spec(DRIVERS[DRIVER]["ENGINE"] + ".base") is None:
        return {}
    return {"default": {**DRIVERS[DRIVER], "OPTIONS": {"ids": "sequential"}}}


def pytest_configure(config: pytest.Config) -> None:
    """Configure Django for the chosen driver."""
    config.addinivalue_line("markers", "eventual: needs a store whose queries are eventually consistent")
    if DRIVER not in DRIVERS:
        raise pytest.UsageError(f"KINDSTORE_TEST_DRIVER is {DRIVER!r}; choose one of {', '.join(DRIVERS)}.")
    settings.configure(
        DATABASES=databases(),
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore.core", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", *TEST_APPS],
        SECRET_KEY="tests",
        USE_TZ=True,
    )
