"""Narrows one table by the rows of another that were fetched before it: what has no partner in a join is not needed.

The joined table of any join needs only the rows that match a row of the table that it is joined to; with an INNER JOIN that holds the
other way round as well. A table that is read in more than one place is never narrowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.datamodel import Op, Row
from ...core.datamodel.filters import property_tests
from ...core.mapping import ColumnMapping
from ...core.planner.analysis import Analysis
from ...core.planner.logic import conjunction, superset_filter
from ...core.planner.normalform import TooManyBranches
from ...core.planner.plan import keys_of
from .recording import Recording, Use
from .sources import Source

# Column types whose stored values are equal where SQLite says so, in any two columns.
_COMPARABLE = frozenset(("integer", "string", "uuid"))


@dataclass(frozen=True, slots=True)
class Link:
    """The values of a table's column have to be among those of another table's column."""

    table: str
    column: str
    other: str
    values: str


def links(recording: Recording) -> list[Link]:
    """Return how the tables of a statement narrow each other."""
    return [link for use in recording.uses for link in _of_join(recording, use)]


def _of_join(recording: Recording, right: Use) -> Iterator[Link]:
    left = _left_of(recording, right)
    if left is None:
        return
    pairs = [(lhs.column, rhs.column) for lhs, rhs in right.clause.join_fields]
    for lhs, rhs in pairs:
        if recording.only_use(right.table) is right:
            yield Link(right.table, rhs, left.table, lhs)
        if not right.is_outer and recording.only_use(left.table) is left:
            yield Link(left.table, lhs, right.table, rhs)


def _left_of(recording: Recording, right: Use) -> Use | None:
    parent = getattr(right.clause, "parent_alias", None)
    return next((use for use in recording.uses if use.query is right.query and use.alias == parent), None) if parent else None


def in_order(sources: Sequence[Source], found: Sequence[Link]) -> Iterator[tuple[Source, list[Link]]]:
    """Yield the sources as they are best fetched, each with what narrows it by then: the most selective condition first."""
    remaining = list(sources)
    fetched: set[str] = set()
    while remaining:
        source = min(remaining, key=lambda each: _rank(each, found, fetched))
        remaining.remove(source)
        yield source, [link for link in found if link.table == source.table.name and link.other in fetched]
        fetched.add(source.table.name)


def _rank(source: Source, found: Sequence[Link], fetched: set[str]) -> int:
    if isinstance(source.filter, bool):
        if not source.filter:
            return 0
        return 2 if any(link.table == source.table.name and link.other in fetched for link in found) else 4
    if keys_of(source.filter, source.table.mapping, source.namespace) is not None:
        return 0
    return 1 if any(test.op in (Op.EQ, Op.IN) for test in property_tests(source.filter)) else 3


def narrowed(source: Source, link: Link, other: Source, rows: Sequence[Row], connection: Any) -> Source:
    """Return a source with the condition of a link, the same source where that would take more than one RPC."""
    column, values = source.table.columns.get(link.column), other.table.columns.get(link.values)
    if column is None or values is None or values not in other.columns or not _comparable(column, values):
        return source
    at = other.columns.index(values)
    wanted = tuple(dict.fromkeys(row[at] for row in rows if row[at] is not None))
    capabilities = connection.session.capabilities
    if len(wanted) > (capabilities.lookup_keys if column.is_key else capabilities.disjunctions):
        return source
    members = Analysis(source.table.mapping, None, connection, source.namespace).members(column, wanted)
    return _if_one_query(replace(source, filter=conjunction((source.filter, superset_filter(members)))), source, connection)


def _comparable(one: ColumnMapping, other: ColumnMapping) -> bool:
    types = {one.column_type, other.column_type}
    return len(types) == 1 and types <= _COMPARABLE and one.indexed and not one.collated and not other.collated


def _if_one_query(source: Source, otherwise: Source, connection: Any) -> Source:
    try:
        branches = len(source.plan(connection).branches)
    except TooManyBranches:
        return otherwise
    return source if branches <= 1 else otherwise
