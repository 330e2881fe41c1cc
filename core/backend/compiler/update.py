"""UPDATE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import FieldError, FullResultSet
from django.db.models import Field, Value
from django.db.models.expressions import Col, ColPairs, Combinable, CombinedExpression
from django.db.models.sql import compiler
from django.db.utils import DataError, NotSupportedError

from ...datamodel import ENTITY, KEY, VERSION, Entity, MutationResult, Row, Transform, Verb
from ...datamodel.entity import INT_MAX, INT_MIN
from ...datamodel.errors import NotFound
from ...executor.expressions import Compute, ExpressionCompiler, NotComputable, saved_literal, underlying
from ...executor.generation import Generated, generation_of
from ...mapping import ColumnMapping, ModelMapping, mapping_of
from ...planner.plan import Plan
from ...session.changes import Assigned, Change
from ...session.writing import Writer
from ..statement import execute
from .retry import write_guarded
from .rows import MatchedRows

SMALL_INTEGERS = ("IntegerField", "PositiveIntegerField", "PositiveSmallIntegerField", "SmallIntegerField")
MOST_INCREMENT = 2**31


class SQLUpdateCompiler(compiler.SQLUpdateCompiler):
    """Updates rows: one commit where the store can do it alone, else what was read is written as long as it has not changed."""

    def execute_sql(self, result_type: str | None) -> int:
        self.pre_sql_setup()
        own = 0
        if self.query.values:
            own = execute(self.connection, self.as_sql, lambda: Update(self.query, self.connection).perform())
        of_parents = [query.get_compiler(self.using).execute_sql(result_type) for query in self.query.get_related_updates()]
        return own or next(filter(None, of_parents), 0)

    def as_sql(self) -> tuple[str, tuple[Any, ...]]:
        """Return the statement as SQL, for people to read, without those of the tables of parents."""
        query, quote = self.query.clone(), self.connection.ops.quote_name
        sets = [(field, self._assigned(query, value)) for field, _, value in query.values]
        sql = f"UPDATE {quote(query.get_meta().db_table)} SET {', '.join(f'{quote(field.column)} = {text}' for field, (text, _) in sets)}"
        params = [param for _, (_, given) in sets for param in given]
        try:
            where, given = self.compile(query.where)
        except FullResultSet:
            return sql, tuple(params)
        return f"{sql} WHERE {where}", (*params, *given)

    def _assigned(self, query: Any, value: Any) -> tuple[str, Sequence[Any]]:
        if not hasattr(value, "resolve_expression"):
            return "%s", [value]
        assigned: tuple[str, Sequence[Any]] = self.compile(value.resolve_expression(query, allow_joins=False, for_save=True))
        return assigned


class Update:
    """One UPDATE of one table."""

    def __init__(self, query: Any, connection: Any) -> None:
        self.query, self.connection = query, connection
        self.mapping: ModelMapping = mapping_of(query.model, connection)
        self.matched = MatchedRows(query, connection)
        self.session = self.matched.session
        self.plain: dict[str, Any] = {}
        self.expressions: dict[ColumnMapping, Any] = {}
        for field, _, value in query.values:
            self._assign(self._column(field, value), value)
        self.generation = generation_of(self.mapping, connection)
        self.affected = self._generate_known()
        self.writer = Writer(self.session, self.mapping, self._assigned())
        self.mapping.check_size(self.plain, self.session.capabilities.entity_bytes)

    def _column(self, field: Any, value: Any) -> ColumnMapping:
        column = self.mapping.by_field.get(field)
        if column is None:
            if hasattr(value, "prepare_database_save") and not value._is_pk_set():
                value.prepare_database_save(field)  # refuses it
            raise FieldError(f"update() cannot set {self.mapping.label}.{field.name}, which has no column of its own. Set its fields.")
        return column

    def _assign(self, column: ColumnMapping, value: Any) -> None:
        if column.is_key or column in self._composite_key():
            raise NotSupportedError(
                f"update() cannot change {self.mapping.label}.{column.field.name}, the primary key: it names the entity. "
                "Create a row with the new key and delete this one."
            )
        field = column.field
        if hasattr(value, "resolve_expression"):
            value = underlying(value).resolve_expression(self.query, allow_joins=False, for_save=True)
            _refuse_form(value, field)
            if not isinstance(value, Value):
                self.expressions[column] = value
                return
            value = saved_literal(value, field)
        elif hasattr(value, "prepare_database_save"):
            if not field.remote_field:
                raise TypeError(
                    f"Tried to update field {self.mapping.label}.{field.name} with a model instance, {value!r}. "
                    f"Use a value compatible with {type(field).__name__}."
                )
            value = value.prepare_database_save(field)
        self.plain[column.name] = self.mapping.saved(column, value, self.connection)

    def _generate_known(self) -> tuple[Generated, ...]:
        """Compute the generated columns that no row is needed for; return those that depend on more than what is set."""
        affected = self.generation.affected({*self.plain, *(column.name for column in self.expressions)})
        if not affected:
            return ()
        if any(not each.sources <= self.plain.keys() | {made.column.name for made in affected} for each in affected):
            return affected
        (made,) = self.generation.values(self.session, [self.plain], affected)
        self.plain.update(made)
        return ()

    def _assigned(self) -> Assigned:
        computed = [*(column.name for column in self.expressions), *(each.column.name for each in self.affected)]
        increments = [self._increment(column, expression) for column, expression in self.expressions.items()]
        grown = [each.name for each in increments if each is not None and isinstance(each.value, int) and each.value >= 0]
        return Assigned(frozenset(self.plain), frozenset(computed), frozenset(grown))

    def _composite_key(self) -> tuple[ColumnMapping, ...]:
        return self.mapping.key_columns if self.mapping.is_composite else ()

    def perform(self) -> int:
        """Update as a statement, which a transaction may run again."""
        return (
            self.run()
            if self.session.transaction is None
            else self.session.perform(self.run, as_read=self._as_read(), model=self.mapping.model)
        )

    def _as_read(self) -> frozenset[str]:
        """Return the columns that the save of an instance may bring along as it was read: all, or those whose fields insist on it."""
        own = {column.name for column in self.mapping.columns if column not in self.mapping.key_columns}
        if self.plain.keys() >= own - {each.column.name for each in self.generation.all}:
            return frozenset(self.plain)
        fields = [(name, type(self.mapping.by_name[name].field)) for name in self.plain]
        return frozenset(name for name, kind in fields if kind.pre_save is not Field.pre_save)

    def run(self) -> int:
        """Update, and return the number of rows that were matched."""
        blind = self._blind_change()
        if blind is not None:
            return self._write_blind(blind)
        columns, change = self._reading()
        changes = self._changes(self.matched.plan(columns), change)
        if not changes:
            return 0
        return write_guarded(self.session, self.writer, changes, lambda keys: self._changes(self.matched.again(keys, columns), change))

    # One row by its key, without reading it

    def _blind_change(self) -> Change | None:
        """Return the change of one row that needs no read, None where a read is needed."""
        if self.writer.reads_first or self.affected:
            return None
        transforms = self._transforms()
        if transforms is None:
            return None
        plan = self.matched.plan((KEY,))
        if plan.keys is None or len(plan.keys) != 1 or plan.recheck is not None:
            return None
        return Change(Verb.UPDATE, plan.keys[0], self.plain, transforms=transforms)

    def _transforms(self) -> tuple[Transform, ...] | None:
        """Return the increments that the store can compute with SQL's answer; None where there is another expression."""
        if not self.expressions:
            return ()
        if not self.session.capabilities.property_transforms:
            return None
        found = [self._increment(column, expression) for column, expression in self.expressions.items()]
        return tuple(each for each in found if each is not None) if None not in found else None

    def _increment(self, column: ColumnMapping, expression: Any) -> Transform | None:
        """Return F(column) + n as an increment.

        The store takes null and a missing property for 0, so the default must be that, too. It stops at the ends of 64 bits, where SQL
        refuses, so columns that are meant for numbers of this size are read first.
        """
        if not isinstance(expression, CombinedExpression) or expression.connector not in (Combinable.ADD, Combinable.SUB):
            return None
        left, right = expression.lhs, expression.rhs
        if type(left) is not Col or left.target is not column.field or type(right) is not Value or type(right.value) is not int:
            return None
        if column.field.get_internal_type() not in SMALL_INTEGERS or column.nullable or not _defaults_to_zero(column.field):
            return None
        amount = right.value if expression.connector == Combinable.ADD else -right.value
        return Transform(column.name, "increment", amount) if abs(amount) <= MOST_INCREMENT else None

    def _write_blind(self, change: Change) -> int:
        try:
            self.writer.write([change], lambda _chunk, results: self._check_saturation(change, results[0]))
        except NotFound:
            return 0
        return 1

    def _check_saturation(self, change: Change, result: MutationResult) -> None:
        """Refuse an increment that stopped at the end of the 64 bits, where SQL would refuse to go beyond."""
        for transform, value in zip(change.transforms, result.transformed, strict=True):
            if value in (INT_MIN, INT_MAX):
                raise DataError(
                    f"{self.mapping.label} {self.mapping.keys.value(change.key)!r}: {transform.name} reached {value}, the end of 64 bits, "
                    "and holds this value now."
                )

    # Rows that are read first

    def _reading(self) -> tuple[tuple[str, ...], Callable[[Sequence[Row]], list[Change]]]:
        """Return the columns to read, and the function from rows to their changes."""
        whole = self.writer.reads_first or bool(self.affected)
        if whole or not self.session.capabilities.keys_only_versions or self.expressions:
            names = tuple(column.name for column in self.mapping.columns) if self.expressions else ()
            columns = (KEY, VERSION, *((ENTITY,) if whole else ()), *names)
        else:
            columns = (KEY, VERSION)
        first = 3 if ENTITY in columns else 2
        computes = self._computes({name: at for at, name in enumerate(columns) if at >= first})

        def changes(rows: Sequence[Row]) -> list[Change]:
            values = self._values(rows, first, computes)
            return self._generated([self._change(row, each, whole=whole) for row, each in zip(rows, values, strict=True)])

        return columns, changes

    def _changes(self, plan: Plan, change: Callable[[Sequence[Row]], list[Change]]) -> list[Change]:
        return change(self.matched.rows(plan))

    def _change(self, row: Row, values: dict[str, Any], *, whole: bool) -> Change:
        before: Entity | None = row[2] if whole else None
        if self.writer.needs_after and before is not None:
            known = {name: before.properties[name] for name in self.mapping.by_name if name in before.properties}
            values = {**known, **values}
        return Change(Verb.UPDATE, row[0], values, before=before, version=row[1])

    def _generated(self, changes: list[Change]) -> list[Change]:
        """Return changes with the generated columns that they affect, computed from the rows as they will be."""
        if self.affected:
            rows = [self._row(change) for change in changes]
            for change, made in zip(changes, self.generation.values(self.session, rows, self.affected), strict=True):
                change.values = {**change.values, **made}
        return changes

    def _row(self, change: Change) -> dict[str, Any]:
        """Return a row as it will be, with its primary key."""
        key = {} if self.mapping.is_composite else {self.mapping.key_column.name: self.mapping.keys.value(change.key)}
        return {**(change.before.properties if change.before is not None else {}), **change.values, **key}

    def _computes(self, positions: dict[str, int]) -> dict[ColumnMapping, Compute] | None:
        """Return the functions that compute the expressions; None where the residual engine is needed."""
        compiler = ExpressionCompiler(self.mapping, positions, self.connection)
        try:
            return {column: compiler.compile(expression, column.field) for column, expression in self.expressions.items()}
        except NotComputable:
            if self.session.engine is None:
                raise NotSupportedError(
                    f"update() of {self.mapping.label} computes {', '.join(map(repr, self.expressions.values()))}, and the store does not. "
                    f"Add 'relational' to PLUGINS of DATABASES[{self.connection.alias!r}], or compute the values in Python."
                ) from None
            return None

    def _values(self, rows: Sequence[Row], first: int, computes: dict[ColumnMapping, Compute] | None) -> list[dict[str, Any]]:
        """Return the new values of each row."""
        if not self.expressions:
            return [self.plain] * len(rows)
        if computes is not None:
            return [self._stored({column: compute(row) for column, compute in computes.items()}) for row in rows]
        assert self.session.engine is not None
        fields = {column.field: expression for column, expression in self.expressions.items()}
        found = self.session.engine.evaluate(self.connection, self.query.model, [row[first:] for row in rows], fields)
        columns = list(self.expressions)
        return [
            {**self.plain, **{column.name: self.mapping.store(column, value) for column, value in zip(columns, values, strict=True)}}
            for values in found
        ]

    def _stored(self, computed: dict[ColumnMapping, Any]) -> dict[str, Any]:
        stored = {column.name: self.mapping.saved(column, value, self.connection) for column, value in computed.items()}
        return {**self.plain, **stored}


def _refuse_form(value: Any, field: Any) -> None:
    for flag, what in (("contains_aggregate", "Aggregate functions"), ("contains_over_clause", "Window expressions")):
        if getattr(value, flag, False):
            raise FieldError(f"{what} are not allowed in this query ({field.name}={value!r}).")
    if isinstance(value, ColPairs):
        raise FieldError(f"Composite primary keys expressions are not allowed in this query ({field.name}=F('pk')).")


def _defaults_to_zero(field: Any) -> bool:
    return bool(field.has_default()) and field.get_default() == 0
