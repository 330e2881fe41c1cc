"""The dialect: conversions between Python, Django's expressions and the store, and what is left of SQL for messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django.db.backends.base.operations import BaseDatabaseOperations

from ..datamodel import KEY, Column, Mutation, Query, Shape, Type, Verb
from ..datamodel.entity import INT_MAX, INT_MIN
from ..mapping.columns import unquoted
from ..mapping.conversion import Refusal
from ..mapping.types import DATA_TYPES
from ..session.changes import Unit
from ..session.committing import commit
from .loading import converter
from .statement import execute

if TYPE_CHECKING:
    from .base import DatabaseWrapper

DELETE_BATCH = 500
LONGEST_TEXT = 500  # characters of a value in the text of a statement
KEYS = Shape((Column(KEY, Type.KEY),))
Converter = Callable[[Any, Any, Any], Any]


def literal(value: Any) -> str:
    """Return a value as SQL writes it, for people to read."""
    match value:
        case None:
            return "NULL"
        case bool() | int() | float() | Decimal():
            return str(value).upper() if isinstance(value, bool) else str(value)
        case bytes() | memoryview():
            return f"X'{bytes(value[: LONGEST_TEXT // 2]).hex()}'"
        case _:
            text = str(value)
            return "'" + (text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}...").replace("'", "''") + "'"


class DatabaseOperations(BaseDatabaseOperations):
    compiler_module = f"{__package__}.compiler"
    cast_char_field_without_max_length = "text"
    explain_prefix = "EXPLAIN"

    # Every integer of the store has 64 bits; there is one key fewer.
    integer_field_ranges = {  # noqa: RUF012 - Django's name and form
        name: (0 if name.startswith("Positive") else INT_MIN + name.endswith("AutoField"), INT_MAX)
        for name, column in DATA_TYPES.items()
        if column == "integer"
    }

    def quote_name(self, name: str) -> str:
        return name if name.startswith('"') and name.endswith('"') else f'"{name}"'

    def no_limit_value(self) -> None:
        return None

    def bulk_batch_size(self, fields: Any, objs: Any) -> int:  # noqa: ARG002 - Django's signature
        """Return how many objects one statement takes: all, for the commits are cut to size where they are made."""
        return max(len(objs), 1)

    def last_executed_query(self, cursor: Any, sql: str, params: Any) -> str:
        """Return SQL with its parameters, for people to read: what a cursor was given in the end, with what wrappers have added."""
        text = str(getattr(cursor, "executed", None) or sql)
        if not params:
            return text
        shown = {name: literal(value) for name, value in params.items()} if isinstance(params, dict) else tuple(map(literal, params))
        try:
            return text % shown
        except (TypeError, ValueError, KeyError):  # a name in it has a %
            return f"{text} /* with {shown} */"

    # From Python to the store. The column's own conversion (core.mapping) does the work; these keep the value as it is.

    def adapt_datefield_value(self, value: Any) -> Any:
        return value

    def adapt_datetimefield_value(self, value: Any) -> Any:
        return value

    def adapt_timefield_value(self, value: Any) -> Any:
        return value

    def adapt_decimalfield_value(self, value: Any, max_digits: int | None = None, decimal_places: int | None = None) -> Any:  # noqa: ARG002
        return value

    def adapt_json_value(self, value: Any, encoder: Any) -> str:
        try:
            text = json.dumps(value, cls=encoder, allow_nan=False)
            if encoder is not None:
                json.loads(text)  # the encoder is the project's, and what it says may be no JSON
        except ValueError as error:
            raise Refusal(f"has no form in JSON: {str(error).rstrip('.')}") from None
        return text

    # From the store, or a raw cursor, to Python

    def get_db_converters(self, expression: Any) -> list[Converter]:
        """Return the conversions of a stored value, or one of raw SQL, of an expression's type; a field adds its own."""
        field = expression.output_field
        convert = converter(DATA_TYPES.get(field.get_internal_type(), ""), field, self.connection.timezone)
        if convert is None:
            return []
        return [lambda value, _expression, _connection: None if value is None else convert(value)]

    # Deleting everything

    def sql_flush(self, style: Any, tables: Iterable[str], *, reset_sequences: bool = False, allow_cascade: bool = False) -> list[str]:  # noqa: ARG002
        """Return a statement for each kind that is to be emptied; `execute_sql_flush` understands them."""
        return [f"DELETE KIND {table}" for table in tables]

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Delete every entity of the kinds that statements of `sql_flush` name."""
        for statement in sql_list:
            self._empty(statement)
        self.connection.session.ids.reset()

    def _empty(self, statement: str) -> None:
        kind = unquoted(statement.removeprefix("DELETE KIND "))
        execute(cast("DatabaseWrapper", self.connection), lambda: (statement, None), lambda: self.delete_kind(kind))

    def delete_kind(self, kind: str) -> int:
        """Delete every entity of a kind in the connection's namespace, and the markers of its rows; return how many rows there were."""
        connection = cast("DatabaseWrapper", self.connection)
        session, keeper = connection.session, connection.kindstore.unique_keeper
        query, deleted = Query(kind, session.namespace()), 0
        limit = min(session.capabilities.entity_groups or DELETE_BATCH, session.capabilities.commit_mutations or DELETE_BATCH)
        keys = [row[0] for page in session.run_query(query, KEYS) for row in page.rows]
        for start in range(0, len(keys), limit):
            batch = keys[start : start + limit]
            commit(session, Unit((), [Mutation(Verb.DELETE, key) for key in batch]))
            deleted += len(batch)
        if keeper is not None:
            keeper.drop(connection, kind)
        return deleted

    # SQL for messages, in the words of the standard

    def date_extract_sql(self, lookup_type: str, sql: str, params: Any) -> tuple[str, Any]:
        return f"EXTRACT({lookup_type.upper()} FROM {sql})", params

    def datetime_extract_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None) -> tuple[str, Any]:  # noqa: ARG002
        return self.date_extract_sql(lookup_type, sql, params)

    def time_extract_sql(self, lookup_type: str, sql: str, params: Any) -> tuple[str, Any]:
        return self.date_extract_sql(lookup_type, sql, params)

    def date_trunc_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None = None) -> tuple[str, Any]:  # noqa: ARG002
        return f"DATE_TRUNC('{lookup_type}', {sql})", params

    def datetime_trunc_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None) -> tuple[str, Any]:  # noqa: ARG002
        return self.date_trunc_sql(lookup_type, sql, params)

    def time_trunc_sql(self, lookup_type: str, sql: str, params: Any, tzname: str | None = None) -> tuple[str, Any]:  # noqa: ARG002
        return self.date_trunc_sql(lookup_type, sql, params)

    def datetime_cast_date_sql(self, sql: str, params: Any, tzname: str | None) -> tuple[str, Any]:  # noqa: ARG002
        return f"CAST({sql} AS DATE)", params

    def datetime_cast_time_sql(self, sql: str, params: Any, tzname: str | None) -> tuple[str, Any]:  # noqa: ARG002
        return f"CAST({sql} AS TIME)", params

    def random_function_sql(self) -> str:
        return "RANDOM()"
