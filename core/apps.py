"""The Django app: its presence in INSTALLED_APPS gives the management commands and the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from .checks import TAG, check_aliases, check_models


class KindstoreConfig(AppConfig):
    """Register the system checks."""

    name = "kindstore.core"
    label = "kindstore"
    verbose_name = "kindstore"

    def ready(self) -> None:
        """Register with Django's check framework."""
        checks.register(check_aliases, TAG)
        checks.register(check_models, TAG)
