"""What a queryset carries for the store alone: cursors and the size of a page. It survives the queryset's cloning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_ATTRIBUTE = "kindstore_reading"


@dataclass(frozen=True, slots=True)
class ReadingConfig:
    """Where to start and to end (the store's cursors), and how many rows to ask for in one RPC."""

    start_cursor: bytes | None = None
    end_cursor: bytes | None = None
    page_size: int | None = None


NO_CONFIG = ReadingConfig()


def reading_config(query: Any) -> ReadingConfig:
    """Return what a query of Django's carries."""
    config: ReadingConfig = query.__dict__.get(_ATTRIBUTE, NO_CONFIG)
    return config


def set_reading_config(query: Any, config: ReadingConfig) -> None:
    """Let a query carry a configuration; Django copies it into every clone."""
    setattr(query, _ATTRIBUTE, config)
