"""From a query of Django's to plans: what every verb does with its condition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Exists
from django.db.utils import NotSupportedError

from ...datamodel import KEY, Order
from ...mapping import ModelMapping, mapping_of
from ...planner.analysis import Analysis
from ...planner.fit import is_plain
from ...planner.logic import Truth, exact_filter
from ...planner.normalform import TooManyBranches
from ...planner.plan import Plan, Request, plan
from ...planner.predicate import In, InQuery, NotNativeError, Predicate, has_subquery, resolve
from ...planner.reading_config import reading_config
from ...planner.selection import Reader, Selection, base_alias, check_form, check_tables, condition
from ...settings import max_query_branches

if TYPE_CHECKING:
    from ...session.session import Session
    from ..base import DatabaseWrapper


MOST_ROWS = 2**31 - 1  # in a slice, for the stores' protocol; more than any query of theirs returns


class Planning:
    """Plans one query on one connection."""

    def __init__(self, query: Any, connection: DatabaseWrapper) -> None:
        if query.model is None:
            raise NotNativeError("it selects from no model's table")
        self.query, self.connection = query, connection
        session = connection.connection
        alias = connection.kindstore if session is None else session.alias
        self.namespace, self.capabilities = (session or alias).namespace(), (session or alias).capabilities
        self.mapping: ModelMapping = mapping_of(query.model, connection)
        rewriters = alias.rewriters(query.model)
        self.analysis = Analysis(self.mapping, base_alias(query), connection, self.namespace, rewriters)

    @cached_property
    def session(self) -> Session:
        """What runs the plan. Planning itself needs no connection, nor does a query that can match nothing."""
        return self.connection.session

    def selection(self) -> Selection:
        """Return what a SELECT asks for; raise NotNativeError where the store does not have it."""
        check_form(self.query, self.mapping)
        return Reader(self.query, self.analysis).selection(condition(self.query.where, self.analysis))

    def predicate(self) -> Predicate:
        """Return the condition alone, of an UPDATE or DELETE."""
        check_tables(self.query, self.mapping)
        return condition(self.query.where, self.analysis)

    def filter(self, predicate: Predicate, *, run: bool = True) -> Truth:
        """Return the store's filter of a predicate. Inner queries are run first, unless `run` is False."""
        if has_subquery(predicate):
            predicate = resolve(predicate, self._run if run else self._unrun)
        return exact_filter(predicate)

    def plan(
        self,
        truth: Truth,
        columns: tuple[str, ...],
        orders: tuple[Order, ...] = (),
        offset: int = 0,
        limit: int | None = None,
        distinct_on: tuple[str, ...] = (),
    ) -> Plan:
        """Return the plan that reads rows; raise NotNativeError where it would take too many queries."""
        config = reading_config(self.query)
        cursors = config.start_cursor, config.end_cursor
        if limit is not None and limit > MOST_ROWS:
            limit = None
        offset = min(offset, MOST_ROWS)
        request = Request(self.mapping, self.namespace, columns or (KEY,), truth, orders, offset, limit, distinct_on, *cursors)
        budget = 1 if is_plain(truth) else max_query_branches()
        try:
            made = plan(request, self.capabilities, budget)
        except TooManyBranches:
            raise NotNativeError(f"it would take more than {budget} queries, the bound that DJANGAE_MAX_QUERY_BRANCHES sets") from None
        if any(cursors) and not made.is_one_query:
            raise NotSupportedError(
                f"A cursor goes with a query that the store runs as one, and this one on {self.mapping.label} runs otherwise: leave the "
                "cursor out, or change the filters. explain() shows how it runs."
            )
        return made

    def select_plan(self, selection: Selection, truth: Truth) -> Plan:
        """Return the plan of a SELECT of rows."""
        rows = self.plan(truth, selection.columns, selection.orders, selection.offset, selection.limit, selection.distinct_on)
        return replace(rows, offset=0, limit=None) if selection.cuts else rows

    def _run(self, test: InQuery) -> Predicate:
        """Run an inner query natively and test against its values."""
        compiler = test.query.get_compiler(connection=self.connection)
        self._refuse_other_type(compiler, test)
        found = [row[0] for row in compiler.native_rows()]
        values = dict.fromkeys(self.analysis.stored(test.column, value) for value in found if value is not None)
        return self.analysis.members(test.column, tuple(values), null_among=None in found)

    def _refuse_other_type(self, compiler: Any, test: InQuery) -> None:
        """Leave to SQL the comparison of a column with values of another type."""
        types = [
            output.column.column_type for output in compiler.native_selection().outputs if output.column is not None and not output.cut
        ]
        if types != [test.column.column_type]:
            raise NotNativeError(f"the values of its inner query are not of the type of {self.mapping.label}.{test.column.field.name}")

    def _unrun(self, test: InQuery) -> Predicate:
        """Stand in for the values of an inner query that is to be explained and not run."""
        return In(test.name, ("the values of an inner query, run first",))


def asks_what_is_taken(query: Any) -> bool:
    """Tell whether a query is what Django asks about a unique constraint with a condition, to validate an instance.

    It takes a row for a violation, and an error too. No row leaves the constraint to the database.
    """
    return query.model is None and any(isinstance(part, Exists) for leaf in query.where.leaves() for part in _parts(leaf))


def _parts(expression: Any) -> Iterator[Any]:
    """Yield an expression and all that it is made of, conditions and lookups too."""
    yield expression
    for part in getattr(expression, "get_source_expressions", list)() or getattr(expression, "children", ()):
        yield from _parts(part)


def refuse(connection: DatabaseWrapper, query: Any, reason: str) -> NotSupportedError:
    """Return the error for a query that the store cannot answer while no plugin does."""
    name = query.model._meta.label if query.model is not None else "no model"
    return NotSupportedError(
        f"The store cannot answer this query on {name}: {reason}. Add 'relational' to PLUGINS of DATABASES[{connection.alias!r}], which "
        "answers such queries in memory, or change the query."
    )
