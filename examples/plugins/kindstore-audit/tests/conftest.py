"""Configures Django with the plugin on two aliases: one that audits everything, one that audits one kind."""

from __future__ import annotations

from django.conf import settings


def pytest_configure() -> None:
    """Configure Django."""
    store = {"ENGINE": "kindstore.drivers.memory", "PLUGINS": ["audit"]}
    settings.configure(
        DATABASES={
            "default": {**store, "NAME": ":memory:"},
            "choosy": {**store, "NAME": ":memory:", "NAMESPACE": "choosy", "OPTIONS": {"audit": {"kinds": ["shop_order"]}}},
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore_audit", "shop"],
        USE_TZ=True,
    )
