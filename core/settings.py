"""The only reader of settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

IDS = ("random", "sequential")
# What an entry of DATABASES may hold: kindstore's own keys, and Django's.
OWN_KEYS = ("PROJECT", "DATABASE", "NAMESPACE", "CREDENTIALS", "PLUGINS", "OPTIONS")
DJANGO_KEYS = (
    "ENGINE", "NAME", "TEST", "TIME_ZONE", "ATOMIC_REQUESTS", "AUTOCOMMIT", "CONN_MAX_AGE", "CONN_HEALTH_CHECKS",
    "DISABLE_SERVER_SIDE_CURSORS",
)  # fmt: skip
SERVER_KEYS = ("HOST", "PORT", "USER", "PASSWORD")  # Django fills them in, and here they mean nothing


@dataclass(frozen=True)
class AliasSettings:
    """One entry of DATABASES, validated."""

    alias: str
    name: str
    project: str | None = None
    database: str = ""
    namespace: str | Callable[[], str] = ""
    credentials: Any = None
    plugins: tuple[str, ...] | None = None  # None: all that are bundled
    ids: str = "random"
    trace_plugins: bool = False
    driver_options: Mapping[str, Any] = field(default_factory=dict)
    plugin_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_alias(alias: str, entry: Mapping[str, Any]) -> AliasSettings:
    """Read one entry of DATABASES. OPTIONS holds "ids", "trace_plugins", "driver" and, by name, the options of plugins."""
    _check_keys(alias, entry)
    options = dict(_mapping(alias, "['OPTIONS']", entry.get("OPTIONS")))
    ids = options.pop("ids", "random")
    if ids not in IDS:
        raise ImproperlyConfigured(f"DATABASES[{alias!r}]['OPTIONS']['ids'] is {ids!r}; choose one of {', '.join(map(repr, IDS))}.")
    return AliasSettings(
        alias=alias,
        name=_name(alias, entry),
        project=_text(alias, "PROJECT", entry) or None,
        database=_text(alias, "DATABASE", entry),
        namespace=entry["NAMESPACE"] if callable(entry.get("NAMESPACE")) else _text(alias, "NAMESPACE", entry),
        credentials=entry.get("CREDENTIALS"),
        plugins=_plugins(alias, entry),
        ids=ids,
        trace_plugins=bool(options.pop("trace_plugins", False)),
        driver_options=dict(_mapping(alias, "['OPTIONS']['driver']", options.pop("driver", None))),
        plugin_options=options,
    )


def _check_keys(alias: str, entry: Mapping[str, Any]) -> None:
    unknown = sorted(set(entry) - {*OWN_KEYS, *DJANGO_KEYS, *SERVER_KEYS}, key=str)
    if unknown:
        raise ImproperlyConfigured(
            f"DATABASES[{alias!r}] has the unknown key {', '.join(map(repr, unknown))}. Its keys are {', '.join(OWN_KEYS + DJANGO_KEYS)}."
        )
    meaningless = [key for key in SERVER_KEYS if entry.get(key)]
    if meaningless:
        raise ImproperlyConfigured(
            f"DATABASES[{alias!r}] has {', '.join(meaningless)}, which an entity store does not have. Name an emulator by the environment "
            "variable DATASTORE_EMULATOR_HOST, and an account by CREDENTIALS."
        )


def _name(alias: str, entry: Mapping[str, Any]) -> str:
    name = entry.get("NAME")
    return os.fspath(name) if isinstance(name, os.PathLike) else _text(alias, "NAME", entry)


def _text(alias: str, key: str, entry: Mapping[str, Any]) -> str:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        also = " or a function that returns one" if key == "NAMESPACE" else ""
        raise ImproperlyConfigured(f"DATABASES[{alias!r}][{key!r}] is {value!r}; it must be a string{also}.")
    return value or ""


def _mapping(alias: str, place: str, value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise ImproperlyConfigured(f"DATABASES[{alias!r}]{place} is {value!r}; it must be a dictionary.")
    return value or {}


def _plugins(alias: str, entry: Mapping[str, Any]) -> tuple[str, ...] | None:
    plugins = entry.get("PLUGINS", getattr(settings, "KINDSTORE_PLUGINS", None))
    if plugins is not None and not isinstance(plugins, (list, tuple)):
        raise ImproperlyConfigured(f"DATABASES[{alias!r}]['PLUGINS'] is {plugins!r}; it must be a list of names.")
    return None if plugins is None else tuple(plugins)


def max_query_branches() -> int:
    """Return how many native queries one query may be split into (DJANGAE_MAX_QUERY_BRANCHES)."""
    bound = getattr(settings, "DJANGAE_MAX_QUERY_BRANCHES", 100)
    if type(bound) is not int or bound < 1:
        raise ImproperlyConfigured(f"DJANGAE_MAX_QUERY_BRANCHES is {bound!r}; it must be a whole number of at least 1.")
    return bound


def constraint_checks_disabled() -> bool:
    """Return whether nothing keeps values unique but for models that ask for it (DJANGAE_DISABLE_CONSTRAINT_CHECKS)."""
    return bool(getattr(settings, "DJANGAE_DISABLE_CONSTRAINT_CHECKS", False))


def emulation_warnings_enabled() -> bool:
    """Return whether an emulated query may warn (ENABLE_DB_EMULATION_WARNINGS)."""
    return bool(getattr(settings, "ENABLE_DB_EMULATION_WARNINGS", True))
