"""The only reader of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

IDS = ("random", "sequential")
# What DATABASES[alias] may hold for kindstore, beside Django's own keys.
OWN_KEYS = ("PROJECT", "DATABASE", "NAMESPACE", "CREDENTIALS", "PLUGINS", "OPTIONS")


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
    options = dict(entry.get("OPTIONS") or {})
    ids = options.pop("ids", "random")
    if ids not in IDS:
        raise ImproperlyConfigured(f"DATABASES[{alias!r}]['OPTIONS']['ids'] is {ids!r}; choose one of {', '.join(map(repr, IDS))}.")
    plugins = entry.get("PLUGINS", getattr(settings, "KINDSTORE_PLUGINS", None))
    if isinstance(plugins, str):
        raise ImproperlyConfigured(f"DATABASES[{alias!r}]['PLUGINS'] is the string {plugins!r}; it must be a list of names.")
    return AliasSettings(
        alias=alias,
        name=str(entry.get("NAME") or ""),
        project=entry.get("PROJECT"),
        database=entry.get("DATABASE") or "",
        namespace=entry.get("NAMESPACE") or "",
        credentials=entry.get("CREDENTIALS"),
        plugins=None if plugins is None else tuple(plugins),
        ids=ids,
        trace_plugins=bool(options.pop("trace_plugins", False)),
        driver_options=dict(options.pop("driver", {})),
        plugin_options=options,
    )


def max_query_branches() -> int:
    """Return how many native queries one query may be split into (DJANGAE_MAX_QUERY_BRANCHES)."""
    return int(getattr(settings, "DJANGAE_MAX_QUERY_BRANCHES", 100))


def emulation_warnings_enabled() -> bool:
    """Return whether an emulated query may warn (ENABLE_DB_EMULATION_WARNINGS)."""
    return bool(getattr(settings, "ENABLE_DB_EMULATION_WARNINGS", True))
