"""The scratch database: Django's sqlite3 backend on a database in memory, which holds rows only while one query runs over them."""

from __future__ import annotations

import datetime as dt
import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.conf import settings
from django.db.backends.sqlite3 import base, features, operations
from django.db.utils import DataError

from .decimals import number_of, text_of
from .functions import register
from .recording import Recording

if TYPE_CHECKING:
    from .tables import Table

_ATTRIBUTE = "_kindstore_scratches"
_KEPT_PROBES = 500


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to insert, in SQLite's form."""

    table: str
    columns: tuple[str, ...]
    values: Iterable[tuple[Any, ...]]


class ScratchFeatures(features.DatabaseFeatures):
    has_case_insensitive_like = False
    supports_json_field = True
    can_introspect_json_field = True
    has_json_object_function = True

    @property
    def supports_over_clause(self) -> bool:
        """What the store's connection says, so that a test can take it away there."""
        return bool(self.connection.outer.features.supports_over_clause)


class ScratchOperations(operations.DatabaseOperations):
    compiler_module = f"{__package__}.compiler"

    def lookup_cast(self, lookup_type: str, internal_type: str | None = None) -> str:  # noqa: ARG002 - Django's signature
        return "UPPER(%s)" if lookup_type in ("iexact", "icontains", "istartswith", "iendswith") else "%s"

    def integer_field_range(self, internal_type: str) -> tuple[int, int]:
        """Return the range of the store: what is beyond is compared alike, natively or not."""
        bounds: tuple[int, int] = self.connection.outer.ops.integer_field_range(internal_type)
        return bounds

    def explain_query_prefix(self, format: str | None = None, **options: Any) -> str:  # noqa: A002 - Django's signature
        """Check the options; the explanation is the plugin's own, and shows the statement as it would run."""
        self.connection.outer.ops.explain_query_prefix(format, **options)
        return ""

    def adapt_decimalfield_value(self, value: Any, max_digits: int | None = None, decimal_places: int | None = None) -> Any:  # noqa: ARG002
        """Keep a number exact, as in a native comparison."""
        return text_of(value) if isinstance(value, Decimal) else value

    def get_decimalfield_converter(self, expression: Any) -> Any:
        of_float = super().get_decimalfield_converter(expression)
        places = getattr(expression.output_field, "decimal_places", None)

        def converter(value: Any, expression: Any, connection: Any) -> Any:
            return number_of(str(value), places) if isinstance(value, (str, Decimal)) else of_float(value, expression, connection)

        return converter

    def convert_datetimefield_value(self, value: Any, expression: Any, connection: Any) -> Any:
        value = super().convert_datetimefield_value(value, expression, connection)
        if value is None or not settings.USE_TZ:
            return value
        zone = self.connection.outer.timezone
        return value if zone is dt.UTC else value.astimezone(zone)


class _Connection(sqlite3.Connection):
    """Closes itself: nobody closes a database that belongs to a connection of Django's."""

    def __del__(self) -> None:
        self.close()


class Scratch(base.DatabaseWrapper):
    """The scratch database of one connection, used by one thread at a time."""

    features_class = ScratchFeatures
    ops_class = ScratchOperations
    operators: ClassVar[dict[str, str]] = {
        **base.DatabaseWrapper.operators,
        **dict.fromkeys(("iexact", "icontains", "istartswith", "iendswith"), r"LIKE UPPER(%s) ESCAPE '\'"),
    }
    # Always, whatever the outer connection's: local times repeat themselves, and SQLite's own clock is in UTC.
    timezone = dt.UTC
    timezone_name = "UTC"

    def __init__(self, outer: Any) -> None:
        super().__init__({"NAME": ":memory:", "OPTIONS": {}, "TIME_ZONE": None, "AUTOCOMMIT": True}, alias=outer.alias)
        self.outer = outer
        self.connection = self._open()
        self.recording: Recording | None = None
        self.tables: dict[str, Table] = {}
        self.declared: dict[tuple[int, ...], Any] = {}  # statements of expressions that models declare
        self._probes: dict[str, dict[str, set[str]]] = {}
        self._reads: dict[str, set[str]] | None = None
        self._numbers = itertools.count()

    def _open(self) -> sqlite3.Connection:
        detect = sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES
        connection = sqlite3.connect(":memory:", detect_types=detect, isolation_level=None, check_same_thread=False, factory=_Connection)
        register(connection)
        connection.execute("PRAGMA automatic_index = OFF")  # such an index does not honour a collation of ours
        connection.set_authorizer(self._authorize)
        return connection

    def _authorize(self, action: int, table: str | None, column: str | None, *_where: str | None) -> int:
        """Note which columns a statement reads while it is prepared for a probe; everything is allowed."""
        if action == sqlite3.SQLITE_READ and self._reads is not None and table is not None:
            self._reads.setdefault(table, set()).add(column or "")
        return sqlite3.SQLITE_OK

    def probe(self, sql: str, count: int) -> dict[str, set[str]]:
        """Return the columns that a statement with `count` parameters reads, by table."""
        reads = self._probes.get(sql)
        if reads is None:
            reads = self._probe(sql, count)
            if len(self._probes) >= _KEPT_PROBES:
                self._probes.clear()
            self._probes[sql] = reads
        return reads

    def _probe(self, sql: str, count: int) -> dict[str, set[str]]:
        reads: dict[str, set[str]] = {}
        self._reads = reads
        try:
            # The number keeps sqlite3 from taking a statement that it has prepared before: the authorizer would hear nothing.
            self.run(f"EXPLAIN {sql} /* {next(self._numbers)} */", [None] * count)
        finally:
            self._reads = None
        return reads

    def ensure(self, table: Table, name: str = "") -> Table:
        """Make a table (by another name, if one is given) unless it is there in the same form; models change in migrations and tests."""
        name = name or table.name
        existing = self.tables.get(name)
        if existing is None or existing.declared != table.declared:
            self._probes.clear()
            with self.wrap_database_errors:
                self.connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
                for statement in table.definition(name):
                    self.connection.execute(statement)
        self.tables[name] = table
        return table

    def run(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Execute a statement in Django's format; return all of its rows."""
        return self.perform(sql, params)[0]

    def perform(self, sql: str, params: Sequence[Any]) -> tuple[list[tuple[Any, ...]], Any]:
        """Execute a statement in Django's format; return all of its rows, and the cursor, which describes them."""
        cursor = self.create_cursor()
        try:
            with self.wrap_database_errors:
                return cursor.execute(sql, params).fetchall(), cursor
        except (OverflowError, UnicodeEncodeError) as error:
            raise DataError(f"The query compares with a value that no row can hold: {error}.") from error
        finally:
            cursor.close()

    @contextmanager
    def filled(self) -> Iterator[None]:
        """Keep the rows that are inserted for as long as the block runs, and no longer."""
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def insert(self, rows: Rows) -> None:
        """Insert rows; inside `filled`."""
        names, marks = ", ".join(map(quoted, rows.columns)), ", ".join("?" * len(rows.columns))
        with self.wrap_database_errors:
            self.connection.executemany(f"INSERT INTO {quoted(rows.table)} ({names}) VALUES ({marks})", rows.values)

    @contextmanager
    def recorded(self) -> Iterator[Recording]:
        """Note what the statements that are compiled in the block read."""
        before, self.recording = self.recording, Recording()
        try:
            yield self.recording
        finally:
            self.recording = before


def quoted(name: str) -> str:
    """Return a name of a table or column, in quotes."""
    return '"' + name.replace('"', '""') + '"'


S = TypeVar("S", bound=Scratch)


def scratch_of(connection: Any, kind: type[S]) -> S:
    """Return the scratch database of a kind of a connection, made at its first use."""
    kept = connection.__dict__.setdefault(_ATTRIBUTE, {})
    if kind not in kept:
        kept[kind] = kind(connection)
    scratch: S = kept[kind]
    return scratch
