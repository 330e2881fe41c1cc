"""From Django's where tree to predicates. Nothing here changes Django's objects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db.models import lookups
from django.db.models.expressions import Col
from django.db.models.fields import related_lookups, tuple_lookups
from django.db.models.functions import ExtractYear, TruncDate
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, OR, ExtraWhere, NothingNode, WhereNode
from django.utils import timezone

from ..datamodel import Op, Type, Value
from ..datamodel.entity import INT_MIN
from ..mapping import ColumnMapping, ModelMapping
from ..mapping.conversion import Refusal
from ..mapping.keys import FlatKeys
from .logic import is_oversized
from .predicate import Compare, Every, In, InQuery, IsNull, Not, Opaque, Predicate, Some

Rewriter = Callable[[Predicate], Predicate | None]
_COMPARISONS = {
    lookups.Exact: Op.EQ,
    lookups.IntegerFieldExact: Op.EQ,
    related_lookups.RelatedExact: Op.EQ,
    lookups.GreaterThan: Op.GT,
    lookups.IntegerGreaterThan: Op.GT,
    related_lookups.RelatedGreaterThan: Op.GT,
    lookups.GreaterThanOrEqual: Op.GE,
    lookups.IntegerGreaterThanOrEqual: Op.GE,
    related_lookups.RelatedGreaterThanOrEqual: Op.GE,
    lookups.LessThan: Op.LT,
    lookups.IntegerLessThan: Op.LT,
    related_lookups.RelatedLessThan: Op.LT,
    lookups.LessThanOrEqual: Op.LE,
    lookups.IntegerLessThanOrEqual: Op.LE,
    related_lookups.RelatedLessThanOrEqual: Op.LE,
}
_BOUNDED = frozenset(
    (
        lookups.IntegerFieldExact,
        lookups.IntegerGreaterThan,
        lookups.IntegerGreaterThanOrEqual,
        lookups.IntegerLessThan,
        lookups.IntegerLessThanOrEqual,
    )
)
_INS = (lookups.In, related_lookups.RelatedIn)
_TUPLES = (tuple_lookups.TupleExact, tuple_lookups.TupleIn)
_NULLS = (lookups.IsNull, related_lookups.RelatedIsNull)
_YEARS = {lookups.YearExact: Op.EQ, lookups.YearGt: Op.GT, lookups.YearGte: Op.GE, lookups.YearLt: Op.LT, lookups.YearLte: Op.LE}
_ABOVE, _BELOW = (Op.GT, Op.GE), (Op.LT, Op.LE)


class Analysis:
    """Reads the conditions on one table alias of a query; what concerns other tables, or is no comparison, becomes Opaque."""

    def __init__(
        self, mapping: ModelMapping, alias: str | None, connection: Any, namespace: str, rewriters: Sequence[Rewriter] = ()
    ) -> None:
        self.mapping, self.alias, self.connection, self.namespace = mapping, alias, connection, namespace
        self.rewriters = rewriters

    def where(self, node: WhereNode) -> Predicate:
        """Return the predicate of a where tree."""
        parts = [self.node(child) for child in node.children]
        predicate = self._connect(node, parts)
        return Not(predicate) if node.negated else predicate

    def _connect(self, node: WhereNode, parts: list[Predicate]) -> Predicate:
        if len(parts) == 1:
            return parts[0]
        if node.connector == AND:
            return Every(tuple(parts))
        if node.connector == OR:
            return Some(tuple(parts))
        return Opaque(node, f"the store has no {node.connector}")

    def node(self, node: Any) -> Predicate:
        if isinstance(node, WhereNode):
            return self.where(node)
        try:
            predicate = self.lookup(node)
        except EmptyResultSet:
            return False
        return self._rewritten(predicate) if isinstance(predicate, Opaque) else predicate

    def _rewritten(self, predicate: Opaque) -> Predicate:
        for rewrite in self.rewriters:
            answer = rewrite(predicate)
            if answer is not None:
                return answer
        return predicate

    def lookup(self, node: Any) -> Predicate:
        """Return the predicate of one lookup."""
        if isinstance(node, NothingNode):
            return False
        if isinstance(node, ExtraWhere) or not isinstance(node, lookups.Lookup):
            return Opaque(node, f"the store has no {type(node).__name__}")
        if type(node) in _TUPLES:
            return self._tuples(node)
        column = self.column_of(node.lhs)
        if column is None:
            return self._transformed(node)
        if not column.indexed:
            return Opaque(node, f"{self._name(column)} is not indexed", column.name)
        if column.collated:
            return Opaque(node, f"{self._name(column)} has a collation, which the store does not know", column.name)
        return self._on_column(node, column)

    def _on_column(self, node: Any, column: ColumnMapping) -> Predicate:
        kind = type(node)
        if kind in _NULLS:
            if not isinstance(node.rhs, bool):
                raise ValueError(
                    f"The QuerySet value for an isnull lookup must be True or False. The one for {self._name(column)} is {node.rhs!r}."
                )
            return IsNull(self._property(column)) if node.rhs else Not(IsNull(self._property(column)))
        if kind in _INS:
            return self._in(node, column)
        if not node.rhs_is_direct_value() or node.bilateral_transforms:
            return Opaque(node, "the store compares a property with values only", column.name)
        if (op := _COMPARISONS.get(kind)) is not None:
            if kind in _BOUNDED and not self._is_in_range(node):
                return self._beyond(column, op, node.rhs)
            return self.compare(column, op, node.rhs)
        if kind is lookups.Range:
            low, high = node.rhs
            return Every((self.compare(column, Op.GE, low), self.compare(column, Op.LE, high)))
        if kind is lookups.StartsWith and column.column_type == "string" and not column.is_key:
            return self._starts_with(column, node.rhs)
        if kind is lookups.IExact and column.type is Type.INT:
            return self._iexact_integer(column, node.rhs)
        return Opaque(node, f"the store has no {node.lookup_name!r} lookup", column.name)

    def _is_in_range(self, node: Any) -> bool:
        """Tell whether the integer that a column is compared with is one that it may have: Django compares with no other."""
        if not isinstance(node.rhs, int):
            return True
        least, greatest = self.connection.ops.integer_field_range(node.lhs.output_field.get_internal_type())
        return bool(least <= node.rhs <= greatest)

    def _tuples(self, node: Any) -> Predicate:
        """Compare several columns at once, column by column; Django's prefetch_related() compares even one in this way."""
        if not node.rhs_is_direct_value():
            return Opaque(node, "the store compares a property with values only")
        columns, rows = list(node.lhs), node.rhs if isinstance(node, tuple_lookups.TupleIn) else [node.rhs]
        rows = [row for row in rows if not any(value is None for value in row)]
        if len(columns) == 1:
            return self._unless_opaque(node, self.lookup(lookups.In(columns[0], [row[0] for row in rows])))
        matches = [[self.lookup(lookups.Exact(*pair)) for pair in zip(columns, row, strict=True)] for row in rows]
        for part in (part for match in matches for part in match):
            if isinstance(part, Opaque):
                return self._unless_opaque(node, part)
        return Some(tuple(Every(tuple(match)) for match in matches)) if matches else False

    def _unless_opaque(self, node: Any, predicate: Predicate) -> Predicate:
        """Return a predicate, made for a part of a node; an opaque one stands for the whole."""
        return Opaque(node, predicate.reason, predicate.column) if isinstance(predicate, Opaque) else predicate

    def column_of(self, expression: Any) -> ColumnMapping | None:
        """Return the column of this analysis's table that an expression simply names."""
        if type(expression) is Col and (self.alias is None or expression.alias == self.alias):
            return self.mapping.by_field.get(expression.target)
        return None

    def compare(self, column: ColumnMapping, op: Op, rhs: Any) -> Predicate:
        """Return the comparison of a column with a model value."""
        if hasattr(rhs, "resolve_expression"):
            return Opaque(rhs, "the store compares a property with values only", column.name)
        try:
            value = self.stored(column, rhs)
        except Refusal:
            return self._beyond(column, op, rhs)
        if value is None:
            return False
        if column.is_key:
            return self._compare_key(op, value)
        if op is not Op.EQ and is_oversized(value):
            return Opaque(rhs, "the value to compare with is longer than an index entry", column.name)
        return Compare(column.name, op, value)

    def stored(self, column: ColumnMapping, rhs: Any) -> Value:
        """Return a model value in the store's form, for comparison."""
        value = column.value_field.get_db_prep_value(rhs, self.connection, prepared=True)
        return None if value is None else column.compare(value)

    def _beyond(self, column: ColumnMapping, op: Op, rhs: Any) -> Predicate:
        """Compare with a value that no row can hold, as Django does: nothing equals it, and everything is on one side of it."""
        if column.type is Type.INT and isinstance(rhs, int):
            return op in (_BELOW if rhs > 0 else _ABOVE) and (not column.field.is_relation or Not(IsNull(self._property(column))))
        if column.type is Type.TIMESTAMP and isinstance(rhs, dt.date):  # in UTC beyond the years 1 to 9999
            return op in (_BELOW if rhs.year > 1 else _ABOVE)
        return False

    def _compare_key(self, op: Op, value: Value) -> Predicate:
        if self._names_an_entity(value):
            return Compare(self.mapping.property_name(self.mapping.key_column), op, self.mapping.key((value,), self.namespace))
        if op is Op.EQ:
            return False
        if value == INT_MIN:  # less than every key
            return op in _ABOVE
        return Opaque(value, "the value to compare the key with is none that a key can have", self.mapping.key_column.name)

    def _names_an_entity(self, value: Value) -> bool:
        return isinstance(self.mapping.keys, FlatKeys) and self.mapping.keys.accepts(value)

    def _in(self, node: Any, column: ColumnMapping) -> Predicate:
        if not node.rhs_is_direct_value():
            return self._in_query(node, column)
        values: dict[Value, None] = {}
        for item in node.rhs:
            if hasattr(item, "resolve_expression"):
                return Opaque(node, "the store compares a property with values only", column.name)
            self._add(values, column, item)
        return self.members(column, tuple(values))

    def _add(self, values: dict[Value, None], column: ColumnMapping, item: Any) -> None:
        try:
            value = self.stored(column, item)
        except Refusal:
            return
        if value is not None:
            values[value] = None

    def members(self, column: ColumnMapping, values: tuple[Value, ...], *, null_among: bool = False) -> Predicate:
        """Return the test of a column against stored values."""
        if column.is_key:
            values = tuple(self.mapping.key((value,), self.namespace) for value in values if self._names_an_entity(value))
        return In(self._property(column), values, null_among) if values or null_among else False

    def _in_query(self, node: Any, column: ColumnMapping) -> Predicate:
        database = getattr(node.rhs, "_db", None)
        if database is not None and database != self.connection.alias:
            raise ValueError(
                "Subqueries aren't allowed across different databases. Force the inner query to be evaluated using `list(inner_query)`. "
                f"The query is one on {self.connection.alias!r}, and its inner query one on {database!r}."
            )
        query = getattr(node.rhs, "query", node.rhs)
        if not isinstance(query, Query) or query.get_external_cols():
            return Opaque(node, "the inner query refers to the outer one", column.name)
        if not query.has_select_fields and not getattr(column.field, "target_field", column.field).primary_key:
            return Opaque(node, "the inner query selects the rows that another field than the primary key names", column.name)
        return InQuery(self._property(column), column, query)

    def _starts_with(self, column: ColumnMapping, rhs: Any) -> Predicate:
        try:
            prefix = str(column.compare(rhs))
        except Refusal:
            return False
        if is_oversized(prefix):
            return Opaque(prefix, "the prefix is longer than an index entry", column.name)
        if not prefix:
            return Not(IsNull(column.name))
        end = after_prefix(prefix)
        low = Compare(column.name, Op.GE, prefix)
        return low if end is None else Every((low, Compare(column.name, Op.LT, end)))

    def _iexact_integer(self, column: ColumnMapping, text: Any) -> Predicate:
        """Compare with an integer's own text: any other, such as "05", is that of none."""
        try:
            number = int(text)
        except ValueError:
            return False
        return self.compare(column, Op.EQ, number) if str(number) == str(text) else False

    def _transformed(self, node: Any) -> Predicate:
        """Return the predicate of a lookup on a date's year or a datetime's date, both of which are ranges."""
        inner = self.column_of(getattr(node.lhs, "lhs", None))
        if inner is not None and inner.indexed and node.rhs_is_direct_value():
            if type(node.lhs) is ExtractYear and type(node) in _YEARS:
                return self._span(inner, _YEARS[type(node)], *self._year(inner, node.rhs))
            if type(node.lhs) is TruncDate:
                return self._on_date(node, inner)
        return Opaque(node, "the store compares plain properties of one entity only")

    def _year(self, column: ColumnMapping, year: int) -> Sequence[Any]:
        """Return the first and the last moment of a year, or its days: by what a column holds, for a foreign key does not say."""
        ops, is_moment = self.connection.ops, column.column_type == "datetime"
        bounds: Sequence[Any] = (ops.year_lookup_bounds_for_datetime_field if is_moment else ops.year_lookup_bounds_for_date_field)(year)
        return bounds

    def _on_date(self, node: Any, column: ColumnMapping) -> Predicate:
        zone = node.lhs.tzinfo or timezone.get_current_timezone()
        if type(node) is lookups.Range:
            (low, _), (_, high) = (day_bounds(day, zone) for day in node.rhs)
            return self._span(column, Op.EQ, low, high)
        if (op := _COMPARISONS.get(type(node))) is not None and isinstance(node.rhs, dt.date):
            return self._span(column, op, *day_bounds(node.rhs, zone))
        return Opaque(node, f"the store has no {node.lookup_name!r} lookup", column.name)

    def _span(self, column: ColumnMapping, op: Op, first: Any, last: Any) -> Predicate:
        """Compare a column with a span of time of which both ends are part."""
        if op is Op.EQ:
            return Every((self.compare(column, Op.GE, first), self.compare(column, Op.LE, last)))
        return self.compare(column, op, last if op in (Op.GT, Op.LE) else first)

    def _property(self, column: ColumnMapping) -> str:
        return self.mapping.property_name(column)

    def _name(self, column: ColumnMapping) -> str:
        return f"{self.mapping.label}.{column.field.name}"


def day_bounds(day: dt.date, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the first and the last moment of a day, in a time zone if time zones are in use."""
    first, last = dt.datetime.combine(day, dt.time.min), dt.datetime.combine(day, dt.time.max)
    if settings.USE_TZ:
        first, last = timezone.make_aware(first, zone), timezone.make_aware(last, zone)
    return first, last


def after_prefix(prefix: str) -> str | None:
    """Return the least string, by UTF-8 bytes, that is greater than all that start with a prefix; None: there is none."""
    while prefix:
        code = ord(prefix[-1]) + 1
        if code == 0xD800:  # surrogates are no characters
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:-1] + chr(code)
        prefix = prefix[:-1]
    return None
