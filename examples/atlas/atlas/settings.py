"""Settings of the atlas. ATLAS_DRIVER chooses the store: memory (the default), datastore or firestore."""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured

PROJECT = os.environ.get("ATLAS_PROJECT", "kindstore-atlas")
STORES = {
    # NAME is a file that keeps the rows; ":memory:" forgets them with the process.
    "memory": {"ENGINE": "kindstore.drivers.memory", "NAME": os.environ.get("ATLAS_NAME", ":memory:")},
    "datastore": {"ENGINE": "kindstore.drivers.datastore", "PROJECT": PROJECT},
    "firestore": {"ENGINE": "kindstore.drivers.firestore_datastore_mode", "PROJECT": PROJECT},
}
DRIVER = os.environ.get("ATLAS_DRIVER", "memory")
if DRIVER not in STORES:
    raise ImproperlyConfigured(f"ATLAS_DRIVER is {DRIVER!r}; choose one of {', '.join(STORES)}.")

DATABASES = {
    "default": {
        **STORES[DRIVER],
        "PLUGINS": ["transactions", "constraints", "relational"],
        "OPTIONS": {"relational": {"policy": "warn", "max_rows": 10_000}},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "kindstore.core",
    "places",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "atlas.urls"
STATIC_URL = "static/"
USE_TZ = True

# An example for one's own machine; neither belongs on a public one.
SECRET_KEY = "an example has no secrets"
DEBUG = True
