"""The unique constraints of a model, and the markers that its rows must own by them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import Deferrable, UniqueConstraint

from ...core.datamodel import Entity, Key
from ...core.mapping import ColumnMapping, ModelMapping, mapping_of
from ...core.optouts import declaring_model
from .claiming import Claimer, CombinationClaimer, ComputedClaimer, ConditionalClaimer
from .conditions import native_condition, plain_columns, referenced_columns
from .markers import MARKERS, escaped, marker, marker_key, marker_range, named_identity

__all__ = ["MARKERS", "Unique", "Uniques", "marker", "marker_range", "uniques_of"]

_WITH_NULLS = "=nulls"  # ends the identity of columns in which null is a value


@dataclass(frozen=True, slots=True)
class Unique:
    """One unique constraint of one table.

    `name` is Django's name of the constraint, or those of its fields; `fields` are named in messages. `columns` are all that it depends on,
    those of a condition or an expression included. `identity` is a part of the names of its markers.
    """

    name: str
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    identity: str
    deferred: bool


class Uniques:
    """All unique constraints of one model on one alias. The primary key is not among them: it is unique by itself."""

    def __init__(self, model: Any, connection: Any) -> None:
        self.mapping: ModelMapping = mapping_of(model, connection)
        self.alias: str = connection.alias
        self.claimers = dict(self._found(connection))
        self.all = tuple(self.claimers)
        self.columns = frozenset(name for unique in self.all for name in unique.columns)

    @property
    def computed(self) -> dict[Unique, str]:
        """The constraints that only the residual engine can tell, each with the reason."""
        return {unique: claimer.reason for unique, claimer in self.claimers.items() if claimer.reason}

    def claims(self, entities: Sequence[Entity], among: Collection[Unique] | None = None) -> list[dict[Key, Unique]]:
        """Return for each row the keys of the markers that it must own, by some of the constraints or by all."""
        return claims(self.mapping.kind, self.alias, self.claimers, entities, among)

    def of(self, constraint: UniqueConstraint, connection: Any) -> Unique | None:
        """Return what a constraint is that the model may have, had, or is to have; None for the primary key."""
        return next((unique for unique, _ in self._constraint(constraint, connection)), None)

    def _found(self, connection: Any) -> Iterator[tuple[Unique, Claimer]]:
        """Yield the constraints, each once, however often it is declared."""
        seen: set[str] = set()
        for unique, claimer in self._declared(connection):
            if unique.identity not in seen:
                seen.add(unique.identity)
                yield unique, claimer

    def _declared(self, connection: Any) -> Iterator[tuple[Unique, Claimer]]:
        options = self.mapping.model._meta
        combinations = [[column.field] for column in self.mapping.columns if column.field.unique and not column.field.primary_key]
        combinations += [[options.get_field(name) for name in names] for names in options.unique_together]
        for fields in combinations:
            yield from self._combination(", ".join(field.name for field in fields), fields)
        for constraint in options.constraints:
            if isinstance(constraint, UniqueConstraint):
                yield from self._constraint(constraint, connection)

    def _constraint(self, constraint: Any, connection: Any) -> Iterator[tuple[Unique, Claimer]]:
        name, deferred = constraint.name, constraint.deferrable is Deferrable.DEFERRED
        with_nulls = constraint.nulls_distinct is False
        fields = [self.mapping.model._meta.get_field(name) for name in constraint.fields]
        named = plain_columns(self.mapping, constraint.expressions)
        if constraint.condition is None and named is not None:
            fields = fields or [column.field for column in named]
            yield from self._combination(name, fields, with_nulls=with_nulls, deferred=deferred)
            return
        compared, read = referenced_columns(self.mapping, constraint)
        names = tuple(field.name for field in fields) or tuple(column.field.name for column in compared)
        unique = Unique(name, names, tuple(map(_name, read)), named_identity(name), deferred)
        yield unique, self._claimer(constraint, fields, connection)

    def _claimer(self, constraint: Any, fields: Sequence[Any], connection: Any) -> Claimer:
        """Return what tells the values of a constraint with a condition or expressions: natively if it can."""
        with_nulls = constraint.nulls_distinct is False
        columns = [self.mapping.by_field[field] for field in fields] or plain_columns(self.mapping, constraint.expressions)
        if columns is None:
            return ComputedClaimer(self.mapping, constraint, (), "an expression is computed", with_nulls=with_nulls)
        plain = CombinationClaimer(columns, with_nulls=with_nulls)
        if constraint.condition is None:
            return plain
        holds, reason = native_condition(self.mapping, constraint.condition, connection)
        if holds is None:
            return ComputedClaimer(self.mapping, constraint, columns, reason, with_nulls=with_nulls)
        return ConditionalClaimer(plain, holds)

    def _combination(
        self, name: str, fields: Sequence[Any], *, with_nulls: bool = False, deferred: bool = False
    ) -> Iterator[tuple[Unique, Claimer]]:
        """Yield the constraint on plain columns, unless these are the primary key."""
        columns = sorted((self.mapping.by_field[field] for field in fields), key=_name)
        if set(columns) == set(self.mapping.key_columns):
            return
        identity = ",".join(escaped(column.name) for column in columns) + (_WITH_NULLS if with_nulls else "")
        unique = Unique(name, tuple(field.name for field in fields), tuple(map(_name, columns)), identity, deferred)
        yield unique, CombinationClaimer(columns, with_nulls=with_nulls)


def _name(column: ColumnMapping) -> str:
    return column.name


def claims(
    table: str, alias: str, claimers: Mapping[Unique, Claimer], entities: Sequence[Entity], among: Collection[Unique] | None
) -> list[dict[Key, Unique]]:
    """Return for each row of a table the keys of the markers that it must own, by some of the constraints or by all."""
    claims: list[dict[Key, Unique]] = [{} for _ in entities]
    for unique, claimer in claimers.items():
        if among is not None and unique not in among:
            continue
        for entity, found, digests in zip(entities, claims, claimer.digests(entities, connections[alias]), strict=True):
            assert entity.key is not None
            for digest in digests:
                found[marker_key(table, entity.key.namespace, unique.identity, digest)] = unique
    return claims


def uniques_of(model: Any, connection: Any) -> Uniques:
    """Return the unique constraints of a model's own table, compiled once."""
    model = declaring_model(model)
    return mapping_of(model, connection).remember("unique constraints", lambda: Uniques(model, connection))
