"""The residual engine: fetches the rows that a statement reads, and has SQLite run it over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet

from ...core.datamodel import Row
from . import policy as policies
from .evaluation import compute, evaluate
from .fetching import Fetcher
from .policy import Warner
from .rawsql import execute
from .recording import Statement
from .scratch import Rows, Scratch, scratch_of
from .semijoin import in_order, links
from .sources import sources

if TYPE_CHECKING:
    from django.db.models import Model

    from ...core.driver import Intent
    from ...core.roles import Result
    from .compiler import SQLCompiler

Results = list[tuple[Any, ...]]


class RelationalEngine:
    """Shared by all connections of an alias; what it needs for one connection is kept on that connection."""

    def __init__(self, policy: str, max_rows: int) -> None:
        self.policy, self.max_rows = policy, max_rows
        self._warner = Warner()

    def compiler(
        self,
        query: Any,
        connection: Any,
        using: str | None,  # noqa: ARG002
        *,
        elide_empty: bool = True,
        reason: str = "",
        intent: Intent = "read",
    ) -> SQLCompiler:
        """Return the compiler of a SELECT. It reads from the store when it is executed, and gives `reason` for it.

        With the intent "lock" the rows that it reads of the query's model, and of its parents, are locked.

        Executing raises OperationalError when it would fetch more than `max_rows`, NotSupportedError if the policy is "error".
        """
        scratch = scratch_of(connection, Scratch)
        # Without `using`, which would make Django ask the store's connection for the compilers of inner queries.
        compiler: SQLCompiler = scratch.ops.compiler(query.compiler)(query, scratch, None, elide_empty)
        compiler.engine, compiler.reason, compiler.intent = self, reason, intent
        return compiler

    def evaluate(
        self, connection: Any, model: type[Model], rows: Sequence[Row], expressions: dict[Any, Any], *, declared: bool = False
    ) -> Results:
        """Compute expressions for rows of one model: for each row a tuple of database values, in the order of `expressions`.

        `rows` are stored values in the order of `mapping_of(model).columns`; `expressions` maps the fields that they are for to expressions
        that are resolved against the model. A row of an INSERT is (). `ModelMapping.store` takes the values. Expressions with inner queries
        read from the store. Expressions that a model has `declared`, and that will be the same objects again, are compiled once, in the
        default time zone.
        """
        return evaluate(self, scratch_of(connection, Scratch), model, rows, expressions, declared=declared)

    def compute(
        self, connection: Any, model: type[Model], rows: Sequence[Row], expressions: Sequence[Any], *, declared: bool = False
    ) -> Results:
        """Compute expressions for rows, as `evaluate` does, and return SQLite's own values."""
        return compute(self, scratch_of(connection, Scratch), model, rows, expressions, declared=declared)

    def run(self, scratch: Scratch, statement: Statement, given: Rows | None = None) -> Results:
        """Return the rows of a statement; `given` are rows that it reads besides those of the store."""
        scratch.outer.validate_no_broken_transaction()
        read = sources(scratch, statement)
        if read and self.policy == "error":
            policies.refuse(statement)
        fetcher = Fetcher(scratch.outer, policies.describe(statement), self.max_rows, statement.locked)
        loads = fetcher.fetch_all(read, links(statement.recording))
        with scratch.filled():
            for rows in loads if given is None else [*loads, given]:
                scratch.insert(rows)
            results = scratch.run(statement.sql, statement.params)
        if read:
            self.report(scratch.outer, statement, fetcher)
        return results

    def report(self, connection: Any, statement: Statement, fetcher: Fetcher) -> None:
        """Say, as the policy wants it, that a statement was emulated."""
        text = policies.summary(statement, fetcher.counts)
        connection.session.emulated(text, fetcher.total)
        if self.policy == "warn":
            self._warner.warn(text)

    def execute(self, connection: Any, sql: str, params: Sequence[Any] | Mapping[str, Any] | None) -> Result:
        """Run a statement of raw SQL, which reads or writes rows of the store."""
        return execute(self, connection, sql, params)

    def explain(self, scratch: Scratch, compiler: SQLCompiler) -> Iterator[str]:
        """Yield what a query would do, without reading a row."""
        try:
            statement = compiler.statement()
        except EmptyResultSet:
            yield "Nothing: no row can match, no RPC"
            return
        yield f"Emulated, for {statement.reason or policies.NO_SQL}; at most {self.max_rows} rows are fetched"
        for source, narrowing in in_order(sources(scratch, statement), links(statement.recording)):
            yield from (f"  {line}" for line in source.describe(scratch.outer))
            yield from (f"    Narrowed to the values of {link.other}.{link.values}, if they are not too many" for link in narrowing)
        yield f"  SQLite: {scratch.ops.last_executed_query(None, statement.sql, statement.params)}"
        yield from (f"    {step[-1]}" for step in scratch.run(f"EXPLAIN QUERY PLAN {statement.sql}", statement.params))
