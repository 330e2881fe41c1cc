"""Raw SQL on one table that the store answers by itself, however big the table is: Django's cache in the database sends it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...core.datamodel import KEY, Order
from ...core.executor import read
from ...core.executor.counting import count
from ...core.mapping.columns import unquoted
from ...core.planner.plan import Request, plan
from ...core.settings import max_query_branches
from .rawreading import RawReading

_NAME = r'(?:"[^"%]+"|[^\W\d]\w*)'
_COUNT = re.compile(rf"SELECT\s+COUNT\s*\(\s*\*\s*\)\s+FROM\s+{_NAME}\s*;?\s*", re.IGNORECASE)
_NTH_KEY = re.compile(
    rf"SELECT\s+(?P<column>{_NAME})\s+FROM\s+{_NAME}\s+ORDER\s+BY\s+(?P<order>{_NAME})\s+LIMIT\s+1\s+OFFSET\s+%s\s*;?\s*", re.IGNORECASE
)


def answer(reading: RawReading) -> list[tuple[Any, ...]] | None:
    """Return the rows of a statement that counts a table, or asks for the primary key at a place in its order; None for any other."""
    sql, params = reading.statement.sql, reading.statement.params
    if _COUNT.fullmatch(sql):
        (source,) = reading.sources()
        return [(count(source.plan(reading.connection), reading.connection.session),)]
    match = _NTH_KEY.fullmatch(sql)
    return None if match is None else _nth_key(reading, (match["column"], match["order"]), params)


def _nth_key(reading: RawReading, names: Sequence[str], params: Sequence[Any]) -> list[tuple[Any, ...]] | None:
    ((name, _),) = reading.access.reads.items()
    mapping, session = reading.tables.found[name].mapping, reading.connection.session
    (offset,) = params
    if mapping.is_composite or type(offset) is not int or offset < 0:
        return None
    key = mapping.key_column
    if {unquoted(each).lower() for each in names} != {key.name.lower()} or key.collated or key.column_type not in ("integer", "string"):
        return None
    request = Request(mapping, reading.namespace, (key.name,), True, (Order(KEY),), offset, 1)
    found = plan(request, session.capabilities, max_query_branches())
    return [tuple(row) for chunk in read(found, session) for row in chunk]
