"""What is said of a query that the store cannot run by itself, where, and how often."""

from __future__ import annotations

import sys
import sysconfig
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

from django.db.utils import NotSupportedError

from ...core.settings import emulation_warnings_enabled
from ...core.warnings import EmulatedQueryWarning
from .recording import Statement

NO_SQL = "the store has no SQL"
RAW_SQL = "it is raw SQL"
POLICIES = ("allow", "warn", "error")
_OURS = __name__.partition(".")[0]
_STANDARD_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_SITE = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
# Whoever calls these is not the author of the query: a statement that comes from there is Django's own.
_OUTERMOST = ("django.core.management", "django.core.handlers", "django.test", "django.db.migrations")


def describe(statement: Statement) -> str:
    """Say what a statement is, and why the store does not run it."""
    reason = statement.reason or NO_SQL
    of = "" if statement.model is None else f" of {statement.model._meta.label}"
    return f"This query{of} is not native: {reason}."


def advice(statement: Statement) -> str:
    """Say what would make a statement native."""
    if statement.reason == RAW_SQL:
        return "Write it with the ORM: raw SQL reads whole tables, unless all that it says of one is a comparison of a column with %s."
    tables = {use.table for use in statement.recording.uses}
    if len(tables) > 1:
        return "Read the related rows by a query of their own (prefetch_related() does), or store what is joined on the row itself."
    return "A native query reads one table, and compares, sorts and aggregates by its indexed columns alone."


def refuse(statement: Statement) -> None:
    """Raise what the policy "error" wants."""
    raise NotSupportedError(
        f"{describe(statement)} {advice(statement)} OPTIONS['relational']['policy'] is 'error'; 'warn' or 'allow' would emulate it."
    )


def summary(statement: Statement, counts: dict[str, int]) -> str:
    """Say what it took to emulate a statement."""
    total = sum(counts.values())
    tables = ", ".join(f"{count} of {table}" for table, count in counts.items()) or "no table"
    return f"{describe(statement)} It was emulated over {total} fetched rows ({tables}). {advice(statement)}"


class Warner:
    """Warns of emulated queries, once for each place in the user's code."""

    def __init__(self) -> None:
        self._places: set[tuple[str, int]] = set()

    def warn(self, text: str) -> None:
        """Warn where the user's code stands; say nothing where a statement is Django's own."""
        if not emulation_warnings_enabled():
            return
        frame = users_frame()
        if frame is None:
            return
        place = frame.f_code.co_filename, frame.f_lineno
        if place in self._places:
            return
        self._places.add(place)
        module = frame.f_globals.get("__name__", "")
        warnings.warn_explicit(text, EmulatedQueryWarning, *place, module=module, source=None)


def users_frame() -> FrameType | None:
    """Return the innermost frame that is neither this package's, Django's nor the standard library's."""
    for frame in _frames():
        name: str = frame.f_globals.get("__name__", "")
        if _within(name, _OUTERMOST):
            return None
        if not _within(name, (_OURS, "django")) and not _is_standard(frame.f_code.co_filename):
            return frame
    return None


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _is_standard(filename: Any) -> bool:
    return filename.startswith("<frozen") or (filename.startswith(_STANDARD_LIBRARY) and not filename.startswith(_SITE))
