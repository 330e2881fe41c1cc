"""Runs raw SQL over the rows that it reads: what it names by primary key, or counts, natively; else over whole tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from django.db.utils import NotSupportedError

from ...core.roles import Result
from .definition import define, is_definition
from .parameters import positional
from .rawreading import RawReading
from .rawscratch import RawScratch
from .rawshortcuts import answer
from .rawtables import RawTables
from .scratch import scratch_of
from .writing import write

if TYPE_CHECKING:
    from .engine import RelationalEngine

_LEADING = re.compile(r"(?:\s+|--[^\n]*\n?|/\*.*?\*/)*", re.DOTALL)
_REFUSED = {
    **dict.fromkeys(("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"), "Use transaction.atomic()."),
    **dict.fromkeys(("ALTER", "CREATE", "DROP"), "Write a migration; raw SQL can CREATE TABLE, CREATE INDEX and DROP TABLE only."),
    **dict.fromkeys(("ANALYZE", "ATTACH", "DETACH", "PRAGMA", "REINDEX", "VACUUM"), "It is about a database file, and there is none."),
    "EXPLAIN": "Use QuerySet.explain().",
}


def execute(engine: RelationalEngine, connection: Any, sql: str, params: Sequence[Any] | Mapping[str, Any] | None) -> Result:
    """Run a statement in Django's format, which reads or writes rows of the store, or makes or drops a table."""
    text, values = positional(_LEADING.sub("", sql, count=1), params)
    word = "".join(takewhile(str.isalpha, text)).upper()
    if not text:
        return Result()
    if is_definition(text):
        return define(connection, text)
    if word in _REFUSED:
        raise NotSupportedError(f"The store does not run {word}: {text[:200]!r}. {_REFUSED[word]}")
    tables = RawTables(scratch_of(connection, RawScratch), text, len(values))
    reading = RawReading(engine, tables, tables.access(), values)
    return write(reading) if reading.access.writes else _select(reading)


def _select(reading: RawReading) -> Result:
    sql, params, scratch = reading.statement.sql, reading.statement.params, reading.scratch
    answered = answer(reading)
    if answered is not None:
        return replace(scratch.result(sql, params), rows=answered)
    sources = reading.sources()
    fetcher = reading.fetcher()
    loads = fetcher.fetch_all(sources, ())
    with scratch.filled():
        for rows in loads:
            scratch.insert(rows)
        result = scratch.result(sql, params)
    reading.report(fetcher)
    return result
