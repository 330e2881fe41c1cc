"""One model's mapping to entities of one kind, compiled once for each alias and kept on the model itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from django.db.utils import DataError, IntegrityError, NotSupportedError

from ..datamodel import KEY, Column, Entity, Key, Row, Shape, Type, Value
from ..datamodel.rows import row_maker
from .columns import ColumnMapping, map_column, unquoted
from .conversion import LOADERS, Load, Refusal, datetime_loader
from .keys import CompositeKeys, FlatKeys, Restore
from .types import KEY_TYPES

Converter = Callable[[Any], Any]
T = TypeVar("T")


class ModelMapping:
    """How a model's rows are stored."""

    def __init__(self, model: Any, connection: Any) -> None:
        options = model._meta
        self.model = model
        self.label: str = options.label
        self.kind = unquoted(options.db_table)
        self.is_composite = len(options.pk_fields) > 1 if hasattr(options, "pk_fields") else False
        key_field = None if self.is_composite else options.pk
        self.columns = tuple(map_column(field, connection, is_key=field is key_field) for field in options.local_concrete_fields)
        self.by_name = {column.name: column for column in self.columns}
        self.by_field = {column.field: column for column in self.columns}
        self.unindexed = frozenset(column.name for column in self.columns if not column.indexed)
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._remembered: dict[str, Any] = {}
        if not self.is_composite:
            self._check_key_type()
        self.keys = CompositeKeys(self.kind) if self.is_composite else FlatKeys(self.kind, self.key_column.column_type)

    def _check_key_type(self) -> None:
        if self.key_column.column_type not in KEY_TYPES:
            field = self.key_column.field
            raise NotSupportedError(
                f"{self.label}.{field.name} is a {type(field).__name__} and the primary key: the store names entities by integers and "
                "strings only, and its values have no such form. Use a number, a text, a date or a UUID as the primary key."
            )

    @cached_property
    def key_column(self) -> ColumnMapping:
        return next(column for column in self.columns if column.is_key)

    @cached_property
    def key_columns(self) -> tuple[ColumnMapping, ...]:
        """The columns of the primary key."""
        if not self.is_composite:
            return (self.key_column,)
        return tuple(self.by_field[field] for field in self.model._meta.pk_fields)

    def shape(self, names: Sequence[str]) -> Shape:
        """Return the shape that reads these columns, in order; KEY, VERSION and ENTITY may be among the names."""
        wanted = tuple(names)
        shape = self._shapes.get(wanted)
        if shape is None:
            shape = self._shapes[wanted] = Shape(tuple(self._shape_column(name) for name in wanted))
        return shape

    def _shape_column(self, name: str) -> Column:
        column = self.by_name.get(name)
        return column.column if column is not None else Column(name, Type.KEY if name == KEY else Type.ANY)

    def property_name(self, column: ColumnMapping) -> str:
        """Return the name under which a query's filters and orders know a column."""
        return KEY if column.is_key else column.name

    def key(self, values: Sequence[Value], namespace: str) -> Key:
        """Return the key of a row with these primary-key values, or raise IntegrityError for one that no entity can have."""
        try:
            return self.keys.key(values, namespace)
        except Refusal as refusal:
            names = ", ".join(column.field.name for column in self.key_columns)
            raise IntegrityError(f"The primary key {self.label}.{names} {refusal}. Choose another value.") from None

    def remember(self, name: str, make: Callable[[], T]) -> T:
        """Return what a layer above derives from this mapping, made once."""
        if name not in self._remembered:
            self._remembered[name] = make()
        made: T = self._remembered[name]
        return made

    def restorer(self, names: Sequence[str]) -> Restore | None:
        """Return what puts primary keys in the places of ids and names in rows of these columns; None where nothing has to."""
        if self.is_composite or self.key_column.name not in names:
            return None
        return self.keys.restorer(names.index(self.key_column.name))

    @cached_property
    def rows(self) -> Callable[[Iterable[Entity]], list[Row]]:
        """What makes rows of entities: the values of all columns, as they are when rows are read."""
        names = [column.name for column in self.columns]
        make, restore = row_maker(self.shape(names)), self.restorer(names)

        def rows(entities: Iterable[Entity]) -> list[Row]:
            made = [make(entity) for entity in entities]
            return made if restore is None else restore(made)

        return rows

    def load_converters(self, columns: Iterable[ColumnMapping], connection: Any) -> list[tuple[int, list[Converter]]]:
        """Return, for each column whose stored value differs from the model's, its position and the conversions."""
        converters = []
        for position, column in enumerate(columns):
            if column.converts and (steps := self._load_steps(column, connection)):
                converters.append((position, steps))
        return converters

    def _load_steps(self, column: ColumnMapping, connection: Any) -> list[Converter]:
        load: Load | None = LOADERS.get(column.column_type)
        if column.column_type == "datetime":
            load = datetime_loader(connection.timezone)
        steps: list[Converter] = [_keep_null(load)] if load is not None else []
        from_db_value = getattr(column.value_field, "from_db_value", None)
        if from_db_value is not None:
            expression = column.field.cached_col
            steps.append(lambda value: from_db_value(value, expression, connection))
        return steps

    def saved(self, column: ColumnMapping, value: Any, connection: Any) -> Value:
        """Convert a model value that is written, or raise a database error that names the field."""
        try:
            value = column.value_field.get_db_prep_save(value, connection)
            if value is not None:
                return column.store(value)
        except Refusal as refusal:
            raise self._refused(column, refusal) from None
        return self._null(column)

    def store(self, column: ColumnMapping, value: Any) -> Value:
        """Convert a database value that is written, or raise a database error that names the field."""
        if value is None:
            return self._null(column)
        try:
            return column.store(value)
        except Refusal as refusal:
            raise self._refused(column, refusal) from None

    def _null(self, column: ColumnMapping) -> Value:
        """Return null, if the column may be null."""
        if not column.nullable and not column.is_key:
            raise IntegrityError(f"NOT NULL constraint failed: {self.label}.{column.field.name} cannot be null. Give it a value.")
        return None

    def _refused(self, column: ColumnMapping, refusal: Refusal) -> DataError:
        return DataError(f"The value of {self.label}.{column.field.name} ({type(column.field).__name__}) {refusal}.")

    def check_size(self, values: dict[str, Value], limit: int) -> None:
        """Raise DataError for an entity whose text and bytes alone exceed the store's limit."""
        rough = sum([len(value) for value in values.values() if type(value) is str or type(value) is bytes])
        if rough * 4 <= limit:
            return
        sizes = {
            name: len(value.encode()) if isinstance(value, str) else len(value)
            for name, value in values.items()
            if isinstance(value, (str, bytes))
        }
        if (total := sum(sizes.values())) > limit:
            largest = max(sizes, key=sizes.__getitem__)
            raise DataError(
                f"The {self.label} to write has {total} bytes, "
                f"{sizes[largest]} of them in {self.by_name[largest].field.name}; an entity has at "
                f"most {limit}. Store long values elsewhere, for example in a file, or split them over rows."
            )

    def entity(self, key: Key, values: dict[str, Value]) -> Entity:
        return Entity(key, values, self.unindexed)


def _keep_null(load: Load) -> Load:
    return lambda value: None if value is None else load(value)


def mapping_of(model: Any, connection: Any) -> ModelMapping:
    """Return the mapping of a model on a connection's alias. It is kept on the model, so that it lives no longer than that."""
    options = model._meta
    try:
        mappings = options._kindstore_mappings
    except AttributeError:
        mappings = options._kindstore_mappings = {}
    mapping: ModelMapping | None = mappings.get(connection.alias)
    if mapping is None:
        concrete = options.concrete_model or model
        mapping = mappings[connection.alias] = ModelMapping(concrete, connection)
    return mapping
