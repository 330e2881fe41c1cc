"""Configures Django with the three databases that are compared."""

from __future__ import annotations

import django
from django.conf import settings
from django.db import connections

PROJECT = "kindstore-benchmarks"


def configure() -> None:
    """Set Django up, and make sqlite3's tables; kindstore needs none."""
    settings.configure(
        DATABASES={
            "default": {},
            "memory": {"ENGINE": "kindstore.drivers.memory", "NAME": ":memory:", "PLUGINS": []},
            "sqlite3": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
            "firestore": {"ENGINE": "kindstore.drivers.firestore_datastore_mode", "PROJECT": PROJECT, "PLUGINS": []},
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore.core", "benchmarks"],
        USE_TZ=True,
    )
    django.setup()
    from .models import MODELS

    with connections["sqlite3"].schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
