"""Configures Django with a shelf as its database."""

from __future__ import annotations

import pytest
from django.conf import settings
from kindstore_shelf.driver import ShelfDriver

pytest_plugins = ["kindstore.testing.fixtures"]


def pytest_configure() -> None:
    """Configure Django."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "kindstore_shelf", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore.core", "django.contrib.contenttypes", "django.contrib.auth"],
        USE_TZ=True,
    )


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> ShelfDriver:
    """A driver on a file of its own."""
    return ShelfDriver(str(tmp_path_factory.mktemp("shelf") / "conformance.shelf"))
