"""What the conformance tests are written with: short names for keys, entities and queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from ...core.datamodel import ENTITY, ID, And, Column, Entity, Filter, Key, Mutation, Op, Order, Query, Row, Shape, Test, Value, Verb
from ...core.datamodel.errors import InvalidRequest, Unsupported
from ...core.driver import LATEST, RPC, Driver, ReadOptions

KIND = "Thing"
IDS = Shape((Column(ID),))
ENTITIES = Shape((Column(ENTITY),))
ROOT = ("Root", 1)
# A store says that it lacks something by the first; where it is a limit that grew too small, by either.
REFUSED = (Unsupported, InvalidRequest)


class Conformance:
    """A group of conformance tests. A subclass has the fixture `driver`; each test gets an empty namespace of its own."""

    @pytest.fixture
    def namespace(self, driver: Driver) -> Iterator[str]:
        name = f"conformance-{uuid4().hex[:16]}"
        yield name
        driver.reset(name)


class Told(list[RPC]):
    """An observer that keeps what it is told."""

    def __call__(self, rpc: RPC) -> None:
        self.append(rpc)

    @property
    def methods(self) -> list[str]:
        return [rpc.method for rpc in self]


def key(namespace: str, ident: int | str, kind: str = KIND) -> Key:
    """Return the key of a root entity."""
    return Key(((kind, ident),), namespace)


def member(namespace: str, ident: int | str, kind: str = KIND) -> Key:
    """Return the key of an entity below the common root: many of them are one entity group."""
    return Key((ROOT, (kind, ident)), namespace)


def write(verb: Verb, at: Key, properties: Mapping[str, Value] | None = None, **rest: Any) -> Mutation:
    """Return a mutation that writes a whole entity, or, with a mask, a part."""
    unindexed = rest.pop("unindexed", frozenset())
    return Mutation(verb, at, Entity(at, properties or {}, frozenset(unindexed)), **rest)


def insert(at: Key, properties: Mapping[str, Value] | None = None, **rest: Any) -> Mutation:
    return write(Verb.INSERT, at, properties, **rest)


def update(at: Key, properties: Mapping[str, Value] | None = None, **rest: Any) -> Mutation:
    return write(Verb.UPDATE, at, properties, **rest)


def upsert(at: Key, properties: Mapping[str, Value] | None = None, **rest: Any) -> Mutation:
    return write(Verb.UPSERT, at, properties, **rest)


def delete(at: Key, **rest: Any) -> Mutation:
    return Mutation(Verb.DELETE, at, **rest)


def store(driver: Driver, namespace: str, rows: Mapping[int | str, Mapping[str, Value]], unindexed: Iterable[str] = ()) -> None:
    """Insert entities below the common root, by id."""
    mutations = [insert(member(namespace, ident), properties, unindexed=unindexed) for ident, properties in rows.items()]
    for start in range(0, len(mutations), 500):
        driver.commit(mutations[start : start + 500])


def load(driver: Driver, at: Key, options: ReadOptions = LATEST) -> Entity | None:
    """Return the entity of a key, None where there is none."""
    row = driver.lookup([at], ENTITIES, options)[0]
    return None if row is None else row[0]


def properties(driver: Driver, at: Key) -> dict[str, Value]:
    """Return the properties of an entity that must exist."""
    entity = load(driver, at)
    assert entity is not None
    return dict(entity.properties)


def query(namespace: str, *conditions: Filter, order: str = "", **rest: Any) -> Query:
    """Return a query of the kind. `order` names properties, each perhaps after a minus sign."""
    orders = tuple(Order(name.removeprefix("-"), name.startswith("-")) for name in order.split())
    condition = And(conditions) if len(conditions) > 1 else (conditions[0] if conditions else None)
    return Query(kind=rest.pop("kind", KIND), namespace=namespace, filter=condition, orders=orders, **rest)


def test(name: str, op: str, value: Value) -> Test:
    """Return a property filter, its operator as in SQL."""
    return Test(name, Op(op), value)


test.__test__ = False  # type: ignore[attr-defined]


def rows(driver: Driver, asked: Query, shape: Shape, options: ReadOptions = LATEST) -> list[Row]:
    """Return the rows of all pages."""
    return [row for page in driver.run_query(asked, shape, options) for row in page.rows]


def found(driver: Driver, asked: Query, options: ReadOptions = LATEST) -> list[int | str]:
    """Return the ids that a query finds."""
    return [ident for (ident,) in rows(driver, asked, IDS, options)]


def fits(driver: Driver, asked: Query, *, capable: bool) -> list[int | str] | None:
    """Return what a query finds where the store is capable of it; elsewhere see that it is refused, and return None."""
    if capable:
        return found(driver, asked)
    with pytest.raises(REFUSED):
        found(driver, asked)
    return None
