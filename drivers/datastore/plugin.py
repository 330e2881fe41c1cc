"""The plugin that hands over a Google driver, made from an alias's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from ...core.plugins import hookimpl
from .capabilities import LEGACY, emulated

if TYPE_CHECKING:
    from ...core.driver import Capabilities
    from ...core.settings import AliasSettings
    from .driver import DatastoreDriver

ENDPOINT = "datastore.googleapis.com:443"
TEXT, SECONDS = "a string", "a number of seconds above 0"
OPTIONS = {"emulator_host": TEXT, "endpoint": TEXT, "timeout": SECONDS}
PROJECT_VARIABLES = ("GOOGLE_CLOUD_PROJECT", "DATASTORE_PROJECT_ID")
EMULATOR_VARIABLE = "DATASTORE_EMULATOR_HOST"


class DatastorePlugin:
    """Hands over the driver of Cloud Datastore, the legacy store."""

    capabilities: Capabilities = LEGACY
    options: Mapping[str, str] = OPTIONS  # what each option takes
    extra = "datastore"

    @hookimpl
    def driver(self, settings: AliasSettings) -> DatastoreDriver:
        """Make the driver of an alias; it connects at its first RPC."""
        check_options(settings, self.options)
        self.check_database(settings)
        try:
            return self.make(settings)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith(("google", "grpc")):
                raise
            raise ImproperlyConfigured(
                f"DATABASES[{settings.alias!r}] needs Google's client library ({error}). Install django-kindstore[{self.extra}]."
            ) from error

    def check_database(self, settings: AliasSettings) -> None:
        """Refuse a named database, which only Firestore has."""
        if database_of(settings):
            raise ImproperlyConfigured(
                f"DATABASES[{settings.alias!r}]['DATABASE'] is {settings.database!r}, but Cloud Datastore has no named databases. "
                "Leave it out, or use the ENGINE 'kindstore.drivers.firestore_datastore_mode'."
            )

    def make(self, settings: AliasSettings) -> DatastoreDriver:
        """Make the driver from settings that were checked."""
        from .driver import DatastoreDriver

        return DatastoreDriver(**self.arguments(settings))

    def arguments(self, settings: AliasSettings) -> dict[str, Any]:
        """Return the arguments of the driver's class."""
        from .channel import Channel
        from .driver import DEFAULT_TIMEOUT
        from .keys import Home

        emulator = emulator_of(settings)
        target = emulator or settings.driver_options.get("endpoint") or ENDPOINT
        return {
            "channel": Channel(target, settings.credentials, secure=emulator is None),
            "home": Home(project_of(settings), database_of(settings)),
            "capabilities": self.capabilities if emulator is None else emulated(self.capabilities),
            "emulated": emulator is not None,
            "timeout": float(settings.driver_options.get("timeout") or DEFAULT_TIMEOUT),
        }


def check_options(settings: AliasSettings, known: Mapping[str, str]) -> None:
    """Refuse driver options that are not known, or whose value is of no use. None is as good as no option."""
    unknown = sorted(set(settings.driver_options) - set(known))
    if unknown:
        raise ImproperlyConfigured(
            f"DATABASES[{settings.alias!r}]['OPTIONS']['driver'] has the unknown option {', '.join(map(repr, unknown))}. "
            f"The driver's options are {', '.join(map(repr, sorted(known)))}."
        )
    for name, value in settings.driver_options.items():
        if value is not None and not _ACCEPTS[known[name]](value):
            raise ImproperlyConfigured(
                f"DATABASES[{settings.alias!r}]['OPTIONS']['driver'][{name!r}] is {value!r}; it must be {known[name]}."
            )


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < inf


_ACCEPTS: dict[str, Callable[[Any], bool]] = {TEXT: lambda value: isinstance(value, str), SECONDS: _is_seconds}


def emulator_of(settings: AliasSettings) -> str | None:
    """Return host and port of the emulator, None for the real store."""
    host = settings.driver_options.get("emulator_host") or os.environ.get(EMULATOR_VARIABLE)
    return str(host).removeprefix("http://") if host else None


def database_of(settings: AliasSettings) -> str:
    """Return the id of the database, "" for the default one."""
    return "" if settings.database == "(default)" else settings.database


def project_of(settings: AliasSettings) -> str:
    """Return the project of an alias: its setting, the environment's, or that of the credentials."""
    project = settings.project or next((os.environ[name] for name in PROJECT_VARIABLES if os.environ.get(name)), None)
    if project is None and emulator_of(settings) is None:
        from .channel import load_credentials

        project = load_credentials(settings.credentials)[1]
    if project is None:
        raise ImproperlyConfigured(
            f"The project of DATABASES[{settings.alias!r}] is not known. Set its 'PROJECT', or the environment variable "
            f"{' or '.join(PROJECT_VARIABLES)}."
        )
    return str(project)
