"""SELECT ... FOR UPDATE: the rows are guarded against changes until the transaction commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.transaction import TransactionManagementError
from django.db.utils import NotSupportedError

if TYPE_CHECKING:
    from ...driver import Intent
    from ..base import DatabaseWrapper


def read_intent(query: Any, connection: DatabaseWrapper) -> Intent:
    """Return whether a query locks its rows; refuse what a store without locks that last cannot do."""
    if not query.select_for_update or not connection.features.has_select_for_update:
        return "read"
    if connection.get_autocommit():
        raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
    asked = {
        "nowait": ("NOWAIT", query.select_for_update_nowait),
        "skip_locked": ("SKIP LOCKED", query.select_for_update_skip_locked),
        "of": ("FOR UPDATE OF", query.select_for_update_of),
        "no_key": ("FOR NO KEY UPDATE", query.select_for_no_key_update),
    }
    for option, (words, is_asked) in asked.items():
        if is_asked:
            raise NotSupportedError(
                f"{words} is not supported on this database backend. No lock is taken that anybody could wait for or see: a change of the "
                f"rows of {query.model._meta.label} by somebody else makes the commit fail. Leave {option} out of select_for_update()."
            )
    return "lock"
