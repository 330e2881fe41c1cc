"""Short ways to write entities, mutations and reads in the tests."""

from __future__ import annotations

from typing import Any

from kindstore.core.datamodel import ENTITY, ID, Column, Entity, Key, Mutation, Query, Shape, Verb
from kindstore.core.driver import LATEST, ReadOptions
from kindstore.drivers.memory import MemoryDriver

WHOLE = Shape((Column(ENTITY),))
IDS = Shape((Column(ID),))


def key(ident: int | str, kind: str = "K", namespace: str = "") -> Key:
    return Key(((kind, ident),), namespace)


def entity(ident: int | str | Key, *, unindexed: tuple[str, ...] = (), **properties: Any) -> Entity:
    return Entity(ident if isinstance(ident, Key) else key(ident), properties, frozenset(unindexed))


def put(ident: int | str | Key, *, verb: Verb = Verb.UPSERT, unindexed: tuple[str, ...] = (), **properties: Any) -> Mutation:
    new = entity(ident, unindexed=unindexed, **properties)
    assert new.key is not None
    return Mutation(verb, new.key, new)


def delete(ident: int | str) -> Mutation:
    return Mutation(Verb.DELETE, key(ident))


def read(driver: MemoryDriver, ident: int | str | Key, options: ReadOptions = LATEST) -> dict[str, Any] | None:
    """Return an entity's properties, None where it is missing."""
    (row,) = driver.lookup([ident if isinstance(ident, Key) else key(ident)], WHOLE, options)
    return None if row is None else dict(row[0].properties)


def ids(driver: MemoryDriver, options: ReadOptions = LATEST, **query: Any) -> list[Any]:
    """Return the ids of a query's results."""
    asked = Query(query.pop("kind", "K"), **query)
    return [row[0] for page in driver.run_query(asked, IDS, options) for row in page.rows]
