"""Where in the code `atomic` was opened: by the user, or by Django itself."""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from types import FrameType
from typing import Any

from django.db.transaction import Atomic

from ..warnings import NoTransactionsWarning

PACKAGE = __name__.partition(".")[0]
# The code between `atomic` and us, and Django's way from `with` or a decorator to it.
_BETWEEN = ("django.db.transaction", "django.db.backends.base.base", "django.utils.asyncio", f"{PACKAGE}.core.", f"{PACKAGE}.plugins.")

_ONE_CALL = ("django.db.models.", "django.core.management.commands.loaddata", "django.contrib.sessions.backends.db")

# Blocks of Django's own in which no code of the project runs between a statement and the commit: save_base() is that of multi-table rows.
_ONE_STATEMENT = (("django.db.models.query", "bulk_create"), ("django.db.models.base", "save_base"))


@dataclass(frozen=True, slots=True)
class Place:
    """What opened a transaction: `module` and `function` hold the `with atomic()` or are decorated by it, Django's own code too.

    `filename` and `line` are the nearest of the project's code.
    """

    filename: str
    line: int
    module: str
    function: str
    for_test: bool = False  # whether Django's TestCase opened it, which rolls it back after the test
    registry: Any = None  # the module's `__warningregistry__`, so that a warning is issued once for the place

    @property
    def is_djangos(self) -> bool:
        """Whether Django itself opened the transaction, for a call of the ORM or a command, and not the project's code."""
        return _is_djangos(self.module)

    @property
    def is_one_call(self) -> bool:
        """Whether all that the transaction writes comes from one call of the ORM, from loaddata, or from the saving of a session."""
        return self.module.startswith(_ONE_CALL)

    @property
    def is_one_statement(self) -> bool:
        """Whether nothing happens between the statement and the commit, so that either may report what is wrong."""
        return (self.module, self.function) in _ONE_STATEMENT

    @property
    def drops_results(self) -> bool:
        """Whether it is a change of a relation, which tells its caller nothing of what its statements found."""
        return self.module == "django.db.models.fields.related_descriptors"

    @property
    def is_update_or_create(self) -> bool:
        """Whether it is update_or_create(), which locks the row, and creates it by get_or_create() if there is none."""
        return (self.module, self.function) == ("django.db.models.query", "update_or_create")


def opening_place() -> Place:
    """Return the place that opened the transaction that is about to begin."""
    frame: FrameType | None = sys._getframe(1)
    for_test = False
    while frame is not None and frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if module == "contextlib" and "func" in frame.f_locals:
            return _of_decorated(frame.f_locals["func"], frame, for_test=for_test)
        opener = frame.f_locals.get("self") if frame.f_code.co_name == "__enter__" else None
        for_test = for_test or bool(isinstance(opener, Atomic) and opener._from_testcase)
        if module != "contextlib" and not module.startswith(_BETWEEN):
            break
        frame = frame.f_back
    assert frame is not None
    module, function = frame.f_globals.get("__name__", ""), frame.f_code.co_name
    while frame.f_back is not None and _is_djangos(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    return Place(frame.f_code.co_filename, frame.f_lineno, module, function, for_test, registry)


def _is_djangos(module: str) -> bool:
    return module.partition(".")[0] in ("django", "contextlib", "asgiref")


def _of_decorated(function: Any, frame: FrameType, *, for_test: bool) -> Place:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", frame.f_code)
    registry = getattr(function, "__globals__", {}).setdefault("__warningregistry__", {})
    name = getattr(function, "__name__", code.co_name)
    return Place(code.co_filename, code.co_firstlineno, getattr(function, "__module__", "") or "", name, for_test, registry)


def warn_of_sequence(alias: str) -> None:
    """Warn, once for each place of the project's own code, that `atomic` rolls nothing back without a plugin for transactions."""
    place = opening_place()
    if place.is_djangos:
        return
    text = (
        f"atomic() rolls nothing back on {alias!r}: no plugin manages transactions, so each statement is committed by itself. "
        f"Add 'transactions' to PLUGINS of DATABASES[{alias!r}]."
    )
    warnings.warn_explicit(text, NoTransactionsWarning, place.filename, place.line, place.module, place.registry)
