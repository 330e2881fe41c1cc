"""Which rows raw SQL can touch: read off a condition at the end of a statement on one table, of tests with parameters that are AND-ed.

Whatever else such a statement says, rows for which one of the tests does not hold cannot match. Any other form is run over the whole table.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.datamodel import Op
from ...core.mapping import ColumnMapping
from ...core.mapping.columns import unquoted
from ...core.mapping.conversion import Refusal
from ...core.planner.analysis import Analysis
from ...core.planner.logic import Truth, superset_filter
from ...core.planner.predicate import Compare, In, Predicate
from .tables import Table

_NAME = r'(?:"[^"%]+"|[^\W\d]\w*)'
_COLUMN = rf"(?:{_NAME}\s*\.\s*)?{_NAME}"
_TEST = rf"{_COLUMN}\s*(?:(?:[<>]=?|=)\s*%s|\bIN\s*\(\s*%s(?:\s*,\s*%s)*\s*\))"
_READ = re.compile(rf"\s*(?:{_NAME}\s*\.\s*)?(?P<column>{_NAME})\s*(?P<op>[<>]=?|=|IN\b)", re.IGNORECASE)
_FORM = re.compile(rf"(?P<before>.*)\bWHERE\s+(?P<tests>{_TEST}(?:\s+AND\s+{_TEST})*)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_BEFORE = re.compile(rf"SELECT\b.*\bFROM\s+{_NAME}\s*|DELETE\s+FROM\s+{_NAME}\s*|UPDATE\s+{_NAME}\s+SET\b.*", re.IGNORECASE | re.DOTALL)
_CLAUSES = re.compile(r"\b(?:SELECT|FROM|WHERE|WITH|UPDATE|DELETE|VALUES|UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)
_CLAUSES_OF = {"SELECT": ["SELECT", "FROM"], "DELETE": ["DELETE", "FROM"], "UPDATE": ["UPDATE"]}
_AND = re.compile(r"\bAND\b", re.IGNORECASE)
_UNSURE = ("'", "--", "/*", "`", "[", "%%")  # text, comments and quotes, in which a word may be none of SQL's
_OPS = {"=": Op.EQ, "<": Op.LT, "<=": Op.LE, ">": Op.GT, ">=": Op.GE}


@dataclass(frozen=True, slots=True)
class Restriction:
    """A filter of at least the rows that a statement can touch; `native` if it is all that the statement says of them, or names keys."""

    filter: Truth = True
    native: bool = False


@dataclass(frozen=True, slots=True)
class _Test:
    column: str
    op: str
    values: tuple[Any, ...]


def restriction(sql: str, params: Sequence[Any], table: Table, connection: Any, namespace: str) -> Restriction:
    """Return which rows of its one table a statement can touch.

    One test at most is left to the store, for several may need an index of their own; if one names keys, that one.
    """
    analysis = Analysis(table.mapping, None, connection, namespace)
    found = [(column, _predicate(analysis, column, test)) for test in _tests(sql, params) if (column := _column(table, test.column))]
    for column, predicate in found:
        if column.is_key and (predicate is False or isinstance(predicate, In)):
            return Restriction(superset_filter(predicate), native=True)
    for _, predicate in found:
        if isinstance(predicate, (Compare, In, bool)):
            return Restriction(superset_filter(predicate), native=len(found) == 1 == len(list(_tests(sql, params))))
    return Restriction()


def _tests(sql: str, params: Sequence[Any]) -> Iterator[_Test]:
    form = None if any(each in sql for each in _UNSURE) else _FORM.fullmatch(sql)
    if form is None or not _is_plain(form["before"]):
        return
    at = form["before"].count("%s")
    for text in _AND.split(form["tests"]):
        count, read = text.count("%s"), _READ.match(text)
        if read is not None:
            yield _Test(unquoted(read["column"]), read["op"].upper(), tuple(params[at : at + count]))
        at += count


def _is_plain(before: str) -> bool:
    """Tell whether what stands before the condition reads one table, once."""
    if _BEFORE.fullmatch(before) is None:
        return False
    clauses = [word.upper() for word in _CLAUSES.findall(re.sub(r'"[^"]*"', '""', before))]
    return clauses == _CLAUSES_OF.get(clauses[0])


def _column(table: Table, name: str) -> ColumnMapping | None:
    """Return a column of a table whose values the store compares as SQL does."""
    column = next((each for each in table.mapping.columns if each.name.lower() == name.lower()), None)
    return None if column is None or not column.indexed or column.collated else column


def _predicate(analysis: Analysis, column: ColumnMapping, test: _Test) -> Predicate | None:
    """Return what a test says, None where SQL would convert a value before it is compared."""
    values = [_value(column, value) for value in test.values]
    if None in values:
        return None
    if test.op not in ("=", "IN"):
        return analysis.compare(column, _OPS[test.op], values[0])
    try:
        return analysis.members(column, tuple(dict.fromkeys(column.compare(value) for value in values)))
    except Refusal:
        return None  # SQLite has no such value either, and says so


def _value(column: ColumnMapping, value: Any) -> Any:
    match column.column_type, value:
        case "string", str():
            return value
        case "integer", int() if not isinstance(value, bool):
            return value
        case "datetime", str():
            return _moment(value)
        case _:
            return None


def _moment(text: str) -> dt.datetime | None:
    """Return a moment that is written as the scratch database writes it, where it compares text."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if str(moment) == text and moment.tzinfo is None else None
