"""SELECT ... FOR UPDATE: the rows are guarded against changes until the transaction commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from django.db.transaction import TransactionManagementError
from django.db.utils import NotSupportedError

if TYPE_CHECKING:
    from ..base import DatabaseWrapper


def read_intent(query: Any, connection: DatabaseWrapper) -> Literal["read", "lock"]:
    """Return whether a query locks its rows; refuse what a store without locks that last cannot do."""
    if not query.select_for_update or not connection.features.has_select_for_update:
        return "read"
    if connection.get_autocommit():
        raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
    asked = {
        "nowait": query.select_for_update_nowait,
        "skip_locked": query.select_for_update_skip_locked,
        "no_key": query.select_for_no_key_update,
    }
    for option, flag in asked.items():
        if flag:
            raise NotSupportedError(
                f"select_for_update({option}=True) is not supported on {connection.alias!r}: nobody waits for a lock, and none can be "
                f"seen. A change of the rows by somebody else makes the commit fail instead. Leave {option} out."
            )
    if query.select_for_update_of:
        raise NotSupportedError(
            f"select_for_update(of=...) is not supported on {connection.alias!r}. Leave it out: the rows of the model itself are guarded."
        )
    return "lock"
