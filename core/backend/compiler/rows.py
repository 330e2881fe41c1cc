"""Finds the rows that an UPDATE or a DELETE is about: natively, or their keys by the residual engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models.sql import Query
from django.db.models.sql.constants import MULTI

from ...datamodel import KEY, Key, Row, Test
from ...datamodel.query import Op
from ...driver import ReadOptions
from ...executor import read
from ...mapping import mapping_of
from ...planner.logic import Truth, conjunction
from ...planner.plan import Plan
from ...planner.predicate import NotNativeError
from .planning import Planning, refuse

if TYPE_CHECKING:
    from ..base import DatabaseWrapper


FOR_WRITING = ReadOptions(intent="write")


class MatchedRows:
    """The rows that the condition of a query holds for."""

    def __init__(self, query: Any, connection: DatabaseWrapper) -> None:
        self.query, self.connection = query, connection
        self.mapping = mapping_of(query.model, connection)
        self.session = connection.session
        self.namespace = self.session.namespace()
        self._truth = self._native_truth()

    def _native_truth(self) -> Truth | None:
        """Return the condition in the store's terms; None where only the residual engine can tell."""
        try:
            self.planning = Planning(self.query, self.connection)
            return self.planning.filter(self.planning.predicate())
        except NotNativeError as error:
            self.reason = str(error)
            if self.session.engine is None:
                raise refuse(self.connection, self.query, self.reason) from None
            return None
        except EmptyResultSet:
            return False
        except FullResultSet:
            return True

    def plan(self, columns: tuple[str, ...]) -> Plan:
        """Return the plan that reads the rows now."""
        if self._truth is not None:
            try:
                return self.planning.plan(self._truth, columns)
            except NotNativeError as error:
                self.reason = str(error)
                if self.session.engine is None:
                    raise refuse(self.connection, self.query, self.reason) from None
        return self._by_keys(self._keys_by_engine(), columns)

    def again(self, keys: Sequence[Key], columns: tuple[str, ...]) -> Plan:
        """Return the plan that reads those of the rows with these keys for which the condition still holds."""
        if self._truth is None:
            still = set(self._keys_by_engine())
            return self._by_keys([key for key in keys if key in still], columns)
        return self.planning.plan(conjunction((self._truth, Test(KEY, Op.IN, tuple(keys)))), columns)

    def _by_keys(self, keys: Sequence[Key], columns: tuple[str, ...]) -> Plan:
        return Plan(self.mapping, self.namespace, columns, keys=tuple(keys))

    def _keys_by_engine(self) -> list[Key]:
        """Return the keys of the rows, found by a SELECT of the primary key."""
        query = self.query.chain(klass=Query)
        query.clear_ordering(force=True)
        query.clear_select_clause()
        columns = self.mapping.key_columns
        query.add_fields([column.field.name for column in columns])
        assert self.session.engine is not None
        compiler = self.session.engine.compiler(query, self.connection, self.connection.alias, reason=self.reason)
        rows = compiler.results_iter(compiler.execute_sql(MULTI), tuple_expected=True)
        return list(dict.fromkeys(self._key(row) for row in rows))

    def _key(self, row: Sequence[Any]) -> Key:
        columns = self.mapping.key_columns
        values = [column.store(column.field.get_db_prep_save(value, self.connection)) for column, value in zip(columns, row, strict=True)]
        return self.mapping.key(values, self.namespace)

    def rows(self, plan: Plan) -> list[Row]:
        """Read a plan's rows."""
        return [row for chunk in read(plan, self.session, FOR_WRITING) for row in chunk]
