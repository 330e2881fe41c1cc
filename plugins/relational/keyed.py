"""Which raw SQL names its rows by their primary key: a condition at the end of a statement on one table, of tests that are AND-ed.

Whatever else such a statement says, rows with other keys cannot match. Any other form is run over the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...core.mapping import ColumnMapping
from ...core.mapping.columns import unquoted
from ...core.planner.analysis import Analysis
from ...core.planner.logic import Truth, superset_filter
from .tables import Table

_NAME = r'(?:"[^"%]+"|[^\W\d]\w*)'
_COLUMN_OF = re.compile(rf"\s*(?:{_NAME}\s*\.\s*)?(?P<column>{_NAME})\s*(?P<op>=|IN\b|[<>]=?)", re.IGNORECASE)
_TEST = rf"(?:{_NAME}\s*\.\s*)?{_NAME}\s*(?:(?:=|[<>]=?)\s*%s|\bIN\s*\(\s*%s(?:\s*,\s*%s)*\s*\))"
_FORM = re.compile(rf"(?P<before>.*)\bWHERE\s+(?P<tests>{_TEST}(?:\s+AND\s+{_TEST})*)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_BEFORE = re.compile(
    rf"\s*(?:SELECT\b.*\bFROM\s+{_NAME}|DELETE\s+FROM\s+{_NAME}|UPDATE\s+{_NAME}\s+SET\b.*)\s*",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(rf"\s*SELECT\s+COUNT\s*\(\s*\*\s*\)\s+FROM\s+{_NAME}\s*;?\s*", re.IGNORECASE)
_CLAUSES = re.compile(r"\b(?:SELECT|FROM|WHERE|WITH|UPDATE|DELETE|VALUES|UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)
_CLAUSES_OF = {"SELECT": ["SELECT", "FROM"], "DELETE": ["DELETE", "FROM"], "UPDATE": ["UPDATE"]}
_AND = re.compile(r"\bAND\b", re.IGNORECASE)
_UNSURE = ("'", "--", "/*", "`", "[", "%%")  # text, comments and quotes, in which a word may be none of SQL's


def is_count(sql: str) -> bool:
    """Tell whether a statement counts the rows of one table, and does nothing else."""
    return _COUNT.fullmatch(sql) is not None


def restriction(sql: str, params: Sequence[Any], table: Table, connection: Any, namespace: str) -> Truth:
    """Return a filter of at least the rows that a statement on one table can touch; True: any."""
    if table.mapping.is_composite:
        return True
    key = table.mapping.key_column
    for name, values in _tests(sql, params):
        if name.lower() == key.name.lower() and not key.collated and _are_keys(key, values):
            wanted = tuple(dict.fromkeys(values))
            if len(wanted) <= connection.session.capabilities.lookup_keys:
                return superset_filter(Analysis(table.mapping, None, connection, namespace).members(key, wanted))
    return True


def _tests(sql: str, params: Sequence[Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the columns that have to be equal to one of some values, and the values."""
    form = None if any(each in sql for each in _UNSURE) else _FORM.fullmatch(sql)
    if form is None or not _is_plain(form["before"]):
        return
    at = form["before"].count("%s")
    for test in _AND.split(form["tests"]):
        count = test.count("%s")
        named = _COLUMN_OF.match(test)
        if named is not None and named["op"].upper() in ("=", "IN"):
            yield unquoted(named["column"]), tuple(params[at : at + count])
        at += count


def _is_plain(before: str) -> bool:
    """Tell whether what stands before the condition reads one table, once."""
    if _BEFORE.fullmatch(before) is None:
        return False
    clauses = [word.upper() for word in _CLAUSES.findall(re.sub(r'"[^"]*"', '""', before))]
    return bool(clauses) and clauses == _CLAUSES_OF.get(clauses[0])


def _are_keys(key: ColumnMapping, values: Sequence[Any]) -> bool:
    """Tell whether values are of the key's own type: SQL would convert others."""
    kind = {"integer": int, "string": str}.get(key.column_type)
    return kind is not None and all(type(value) is kind for value in values)
