"""What a SELECT of Django's asks for, read without touching it: its rows' columns, condition, order and slice, or why it is not native."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import aggregates
from django.db.models.expressions import Col, F, OrderBy, Ref, Star, Value
from django.db.models.fields.composite import unnest
from django.db.models.sql.query import Query as DjangoQuery
from django.db.models.sql.where import WhereNode

from ..datamodel import Order, Type
from ..mapping import ColumnMapping, ModelMapping
from .analysis import Analysis
from .constants import constant
from .predicate import NotNativeError, Predicate
from .truncation import truncation

NO_ORDER: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One value of a result row: a column's, a date column's cut by `cut` (from the stored value to the model's), or a constant."""

    column: ColumnMapping | None
    constant: Any = None
    cut: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Calculation:
    """One aggregate: of a function over a column, or (None) over the rows."""

    function: str  # "count", "sum", "avg", "min" or "max"
    column: ColumnMapping | None = None


@dataclass  # not frozen, as each query makes one
class Selection:
    """A native SELECT. Either `outputs` or `calculations` say what its rows hold."""

    mapping: ModelMapping
    predicate: Predicate
    outputs: tuple[Output, ...] = ()
    calculations: tuple[Calculation, ...] = ()
    orders: tuple[Order, ...] = NO_ORDER
    offset: int = 0
    limit: int | None = None
    distinct_on: tuple[str, ...] = ()

    @cached_property
    def cuts(self) -> bool:
        """Whether values are cut, so that distinct rows are told apart and sliced only afterwards."""
        return any(output.cut is not None for output in self.outputs)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that its rows need."""
        return tuple(dict.fromkeys(output.column.name for output in self.outputs if output.column is not None))


class Reader:
    """Reads one query of Django's."""

    def __init__(self, query: Any, analysis: Analysis) -> None:
        self.query, self.analysis = query, analysis
        self.mapping = analysis.mapping

    def selection(self, predicate: Predicate) -> Selection:
        """Return what the query, whose form was checked, selects, given its condition; raise NotNativeError where the store has no such."""
        query = self.query
        limit = None if query.high_mark is None else query.high_mark - query.low_mark
        calculations = self._calculations()
        if calculations:
            return Selection(self.mapping, predicate, calculations=calculations, offset=query.low_mark, limit=limit)
        outputs = self._outputs()
        orders = self.orders()
        distinct_on = self._distinct_on(outputs, orders) if query.distinct else ()
        return Selection(self.mapping, predicate, outputs, (), orders, query.low_mark, limit, distinct_on)

    def _outputs(self) -> tuple[Output, ...]:
        """Return what the rows hold, in order."""
        query = self.query
        columns = self._model_outputs() if query.default_cols else tuple(map(self.output, query.select))
        if query.selected is None:
            return (*columns, *map(self.output, query.annotation_select.values())) if query.annotations else columns
        return tuple(columns[selected] if isinstance(selected, int) else self._selected(selected) for selected in query.selected.values())

    def _selected(self, selected: Any) -> Output:
        return self.output(self.query.annotations[selected] if isinstance(selected, str) else selected)

    def _model_outputs(self) -> tuple[Output, ...]:
        """Return the model's own columns, those alone that only() and defer() leave."""
        columns = model_columns(self.query, self.mapping)
        if columns is not self.mapping.columns:
            return tuple(map(Output, columns))
        return self.mapping.remember("outputs", lambda: tuple(map(Output, columns)))

    def output(self, expression: Any) -> Output:
        if type(expression) is Value and not hasattr(expression.value, "resolve_expression"):
            return Output(None, constant(expression, self.analysis.connection))
        column = self.column(expression)
        if column is not None:
            return Output(column)
        column, cut = self.cut_column(expression)
        if column is None:
            raise NotNativeError(f"it selects {_named(expression)}")
        return Output(column, cut=cut)

    def cut_column(self, expression: Any) -> tuple[ColumnMapping | None, Callable[[Any], Any] | None]:
        """Return the date column that an expression truncates, and how."""
        while isinstance(expression, Ref):
            expression = expression.source
        cut = truncation(expression)
        return (None, None) if cut is None else (self.column(expression.get_source_expressions()[0]), cut)

    def column(self, expression: Any) -> ColumnMapping | None:
        """Return the column of the model's own table that an expression names."""
        while isinstance(expression, Ref):
            expression = expression.source
        if type(expression) is not Col:
            return None
        return self.analysis.column_of(expression)

    def _calculations(self) -> tuple[Calculation, ...]:
        query = self.query
        if query.default_cols or query.select or not query.annotation_select:
            return ()
        expressions = query.annotation_select.values()
        if not any(isinstance(expression, aggregates.Aggregate) for expression in expressions):
            return ()
        return tuple(map(self._calculation, expressions))

    def _calculation(self, expression: Any) -> Calculation:
        function = _FUNCTIONS.get(type(expression))
        if function is None or expression.distinct or expression.filter or getattr(expression, "order_by", None):
            raise NotNativeError(f"the store computes no {_named(expression)} like this")
        source = expression.get_source_expressions()[0]
        if isinstance(source, Star):
            return Calculation(function)
        column = self.column(source)
        if column is None or not column.indexed or column.collated or (function in ("sum", "avg") and not _is_number(column)):
            raise NotNativeError(f"the store computes no {_named(expression)} like this")
        if getattr(expression, "default", None) is not None:
            raise NotNativeError(f"its {_named(expression)} has a default")
        return Calculation(function, column)

    def orders(self) -> tuple[Order, ...]:
        """Return the sort orders; raise NotNativeError for one that is not a plain, indexed column of the model's own table."""
        items = tuple(self._ordering())
        return tuple([self._order(item, is_last=at == len(items)) for at, item in enumerate(items, 1)])

    def _ordering(self) -> Any:
        query = self.query
        if query.extra_order_by:
            raise NotNativeError("it is ordered by extra()")
        if not query.default_ordering or query.order_by:
            return query.order_by
        return query.get_meta().ordering or ()

    def _order(self, item: Any, *, is_last: bool) -> Order:
        if isinstance(item, str):
            descending, name = item.startswith("-"), item.lstrip("+-")
            column = self.named(name) or (self._named_cut(name) if is_last else None)
        else:
            ordering = item if isinstance(item, OrderBy) else OrderBy(item)
            descending = ordering.descending
            if (ordering.nulls_last and not descending) or (ordering.nulls_first and descending):
                raise NotNativeError("the store puts nulls at the other end than it asks for")
            expression = ordering.expression
            name = _named(expression)
            column = self.named(expression.name) if type(expression) is F else self.column(expression)
        if column is None or not column.indexed or column.collated:
            raise NotNativeError(f"it is ordered by {name}, which is no indexed column of {self.mapping.label}")
        return Order(self.mapping.property_name(column), descending is self.query.standard_ordering)

    def named(self, name: str) -> ColumnMapping | None:
        """Return the column that a name in order_by() or distinct() means."""
        annotation = self.query.annotations.get(name)
        if annotation is not None:
            return self.column(annotation)
        options = self.query.get_meta()
        try:
            field = options.pk if name == "pk" else options.get_field(name)
        except FieldDoesNotExist:
            return None
        if getattr(field, "is_relation", False) and name != getattr(field, "attname", None) and name != "pk" and _has_ordering(field):
            return None
        return self.mapping.by_field.get(field)

    def _named_cut(self, name: str) -> ColumnMapping | None:
        """Return the date column that an annotation cuts: it sorts as the annotation does, though not what comes after that."""
        annotation = self.query.annotations.get(name)
        return None if annotation is None else self.cut_column(annotation)[0]

    def _distinct_on(self, outputs: tuple[Output, ...], orders: tuple[Order, ...]) -> tuple[str, ...]:
        if self.query.distinct_fields:
            columns = [self.named(name) for name in self.query.distinct_fields]
            if any(column is None for column in columns):
                raise NotNativeError(f"it is distinct on {', '.join(self.query.distinct_fields)}")
            return tuple(column.name for column in columns if column is not None)
        names = {output.column.name: output.column for output in outputs if output.column is not None}
        if any(column.is_key for column in names.values()):
            return ()
        if not names and not (self.query.high_mark == 1 and not self.query.low_mark):
            raise NotNativeError("it is distinct and selects no column")
        uncut = {output.column.name for output in outputs if output.column is not None and output.cut is None}
        if any(order.name not in uncut and not self._selects_cut(item) for order, item in zip(orders, self._ordering(), strict=True)):
            raise NotNativeError("it is distinct and ordered by what it does not select")
        return tuple(names)

    def _selects_cut(self, item: Any) -> bool:
        name = item.lstrip("+-") if isinstance(item, str) else ""
        return name in self.query.annotation_select and self._named_cut(name) is not None


_FUNCTIONS: dict[type, str] = {
    aggregates.Count: "count",
    aggregates.Sum: "sum",
    aggregates.Avg: "avg",
    aggregates.Min: "min",
    aggregates.Max: "max",
}


def _is_number(column: ColumnMapping) -> bool:
    return column.type in (Type.INT, Type.FLOAT) and column.column_type != "duration" and not column.is_key


def _named(expression: Any) -> str:
    """Return the name of an expression's class: the whole may have no text, which Django makes by compiling it."""
    return type(expression).__name__


def _has_ordering(field: Any) -> bool:
    related = field.related_model
    return related is not None and bool(related._meta.ordering)


def check_form(query: DjangoQuery, mapping: ModelMapping) -> None:
    """Raise NotNativeError for a query whose very form only SQL has."""
    if query.combinator:
        raise NotNativeError(f"it is a {query.combinator}")
    if query.group_by is not None:
        raise NotNativeError("it groups rows")
    if query.select_related:
        raise NotNativeError("it follows relations by select_related()")
    if query.extra or query.extra_tables:
        raise NotNativeError("it uses extra()")
    check_tables(query, mapping)


def model_columns(query: Any, mapping: ModelMapping) -> tuple[ColumnMapping, ...]:
    """Return the columns of a model's rows that a query loads; raise NotNativeError where some lie in a parent's table."""
    if query.get_meta().parents:
        raise NotNativeError(f"{mapping.label} has columns in the table of a parent")
    mask = query.get_select_mask()
    if not mask:
        return mapping.columns
    wanted = set(unnest(mask))
    return tuple(column for column in mapping.columns if column.field in wanted)


def base_alias(query: Any) -> str | None:
    """Return the alias of a query's own table. `Query.base_table` would remember that there is none yet."""
    return next(iter(query.alias_map), None)


def check_tables(query: Any, mapping: ModelMapping) -> None:
    """Raise NotNativeError for a query that reads more tables than its model's own."""
    base = base_alias(query)
    if len(query.alias_refcount) > 1 and (others := [a for a, count in query.alias_refcount.items() if count and a != base]):
        raise NotNativeError(f"it joins {', '.join(sorted({query.alias_map[alias].table_name for alias in others}))}")
    if base is not None and query.alias_map[base].table_name != mapping.model._meta.db_table:
        raise NotNativeError(f"it reads {query.alias_map[base].table_name}")


def condition(where: WhereNode, analysis: Analysis) -> Predicate:
    """Return the predicate of a query's where tree."""
    return analysis.where(where) if where.children else True
