"""Aggregates over a subquery, such as the count of a slice or of distinct rows."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.db.models.expressions import Star
from django.db.models.sql import compiler

from ...executor import count
from ...planner.predicate import NotNativeError
from .planning import Planning
from .select import SQLCompiler


class SQLAggregateCompiler(SQLCompiler, compiler.SQLAggregateCompiler):
    """Counts the rows of an inner query natively; every other aggregate over one is the residual engine's."""

    def _native_chunks(self, page_size: int | None) -> Any:  # noqa: ARG002 - one row
        if not all(_counts_rows(expression) for expression in self.query.annotation_select.values()):
            raise NotNativeError("it aggregates the rows of an inner query")
        planning = Planning(self.query.inner_query, self.connection)
        selection = planning.selection()
        if selection.calculations or selection.cuts:
            raise NotNativeError("it counts the rows of an inner query that computes its rows")
        total = count(planning.select_plan(selection, planning.filter(selection.predicate)), planning.session)
        return iter([[(total,) * len(self.query.annotation_select)]])

    def as_sql(self, *args: Any, **kwargs: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the query as SQL, for people to read."""
        return compiler.SQLAggregateCompiler.as_sql(self, *args, **kwargs)


def _counts_rows(expression: Any) -> bool:
    if type(expression) is not Count or expression.distinct or expression.filter:
        return False
    return isinstance(expression.get_source_expressions()[0], Star)
