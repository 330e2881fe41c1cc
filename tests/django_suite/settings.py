"""The settings that Django's tests run with: two aliases on the driver that DJANGO_SUITE_DRIVER names."""

from __future__ import annotations

import os
import warnings
from typing import Any

DRIVER = os.environ["DJANGO_SUITE_DRIVER"]
RUN = os.environ[
    "DJANGO_SUITE_RUN"
]  # on an emulator each run has projects of its own: Datastore's copies all that one holds at each commit
MAX_ROWS = 1_000_000
ENGINES = {
    "memory": "kindstore.drivers.memory",
    "datastore": "kindstore.drivers.datastore",
    "firestore": "kindstore.drivers.firestore_datastore_mode",
    "sqlite3": "django.db.backends.sqlite3",
}

# Of what Django itself writes while it makes a test database: `runtests.py` makes an error of each RuntimeWarning.
warnings.filterwarnings("ignore", r".* It is committed in parts", RuntimeWarning)


def database(alias: str) -> dict[str, Any]:
    """Return the entry of an alias: all plugins, ids in sequence, every query answered."""
    if DRIVER == "sqlite3":
        return {"ENGINE": ENGINES[DRIVER]}
    place = {"NAME": f":memory:{alias}"} if DRIVER == "memory" else {"PROJECT": f"django-suite-{RUN}-{alias}"}
    return {
        "ENGINE": ENGINES[DRIVER],
        "PLUGINS": ["transactions", "constraints", "relational"],
        "OPTIONS": {"ids": "sequential", "relational": {"policy": "allow", "max_rows": MAX_ROWS}},
        **place,
    }


DATABASES = {alias: database(alias) for alias in ("default", "other")}
SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
TEST_RUNNER = "django_suite.recording.RecordingRunner"
