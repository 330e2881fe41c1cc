"""The error for a value that another row has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.utils import IntegrityError

from ...core.datamodel import Key
from ...core.mapping import ModelMapping

if TYPE_CHECKING:
    from .uniques import Unique


def conflict(mapping: ModelMapping, unique: Unique, owner: Key, *, written: bool = False) -> IntegrityError:
    """Return the error for a second row with the values of `owner`, which is stored already, or `written` in the same batch."""
    names = ", ".join(f"{mapping.label}.{name}" for name in unique.fields)
    values = "this value" if len(unique.fields) == 1 else "these values"
    named = "" if unique.name == ", ".join(unique.fields) else f" (the constraint {unique.name!r})"
    if written:
        return IntegrityError(f"UNIQUE constraint failed: {names}: two of the rows to write have {values}{named}. Give each its own.")
    return IntegrityError(
        f"UNIQUE constraint failed: {names}: the row with the primary key {mapping.keys.value(owner)!r} has {values} already{named}. "
        "Choose another value, or update that row."
    )
