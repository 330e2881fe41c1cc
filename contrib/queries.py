"""What a queryset can ask of an entity store beyond Django's API: cursors, and how many rows an RPC asks for.

    from kindstore.contrib.queries import get_cursor, set_cursor

    page = Article.objects.order_by("-created")[:20]
    cursor = get_cursor(page)            # a string for a URL
    following = set_cursor(Article.objects.order_by("-created"), start=cursor)[:20]

A cursor belongs to the query that gave it: the same filters and the same order. Give it to another query and the answer is undefined.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from django.db import connections
from django.db.utils import DataError, NotSupportedError

from ..core.backend.compiler.planning import Planning
from ..core.executor.reading import cursor_after
from ..core.planner.predicate import NotNativeError
from ..core.planner.reading_config import reading_config, set_reading_config

Q = TypeVar("Q", bound=Any)


def set_cursor(queryset: Q, start: str | None = None, end: str | None = None) -> Q:
    """Return a queryset that starts after one cursor and ends at another; the given one stays as it is."""
    return _with_config(queryset, start_cursor=_decoded(start), end_cursor=_decoded(end))


def get_cursor(queryset: Any) -> str | None:
    """Return the cursor after the last row of a queryset, as a string for URLs.

    None where the store has none to give: the query runs as several, by key, or not natively. It costs one RPC for the keys.
    """
    connection = connections[queryset.db]
    try:
        planning = Planning(queryset.query, connection)
        selection = planning.selection()
        plan = planning.select_plan(selection, planning.filter(selection.predicate))
    except NotNativeError:
        return None
    cursor = cursor_after(plan, planning.session)
    return None if cursor is None else urlsafe_b64encode(cursor).decode()


def set_config(queryset: Q, *, batch_size: int) -> Q:
    """Return a queryset that asks for `batch_size` rows in each RPC (at least 1); the given one stays as it is."""
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")
    return _with_config(queryset, page_size=batch_size)


def get_config(queryset: Any) -> Mapping[str, Any]:
    """Return what set_config() was given."""
    config = reading_config(queryset.query)
    return {} if config.page_size is None else {"batch_size": config.page_size}


def _with_config(queryset: Q, **changes: Any) -> Q:
    if connections[queryset.db].vendor != "kindstore":
        raise NotSupportedError(f"The database {queryset.db!r} is no entity store: it has no cursors and no RPCs.")
    clone = queryset.all()
    set_reading_config(clone.query, replace(reading_config(clone.query), **changes))
    return clone


def _decoded(cursor: str | None) -> bytes | None:
    if cursor is None:
        return None
    try:
        return b64decode(cursor.encode(), altchars=b"-_", validate=True)
    except (Error, ValueError) as error:
        raise DataError(f"{cursor[:60]!r} is no cursor: {error}. Give a string that get_cursor() returned.") from None
