"""Migrations of an app "shop" on a store of their own, and what they leave there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connections, models
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from kindstore.core.datamodel import ENTITY, KEY, Column, Entity, Key, Mutation, Query, Shape, Type, Verb
from kindstore.core.uniqueness import Action, Audit
from kindstore.plugins.constraints.uniques import MARKERS
from kindstore.testing import connection_with

WHOLE = Shape((Column(KEY, Type.KEY), Column(ENTITY, Type.ENTITY)))


@contextmanager
def opened(plugins: tuple[str, ...] = ("constraints",), **options: Any) -> Iterator[Any]:
    """Give a connection with plugins on an empty namespace of the chosen store."""
    entry = connections["default"].settings_dict
    chosen = {"driver": entry["ENGINE"], "NAME": entry["NAME"], "PROJECT": entry.get("PROJECT")}
    with connection_with(plugins, **chosen, options={"ids": "sequential", **options}) as connection:
        yield connection


def item(**fields: Any) -> ops.CreateModel:
    """Return what creates the model Item."""
    return ops.CreateModel("Item", [("id", models.BigAutoField(primary_key=True)), *fields.items()])


class Shop:
    """Applies operations of migrations, and reads what is stored."""

    def __init__(self, connection: Any, app: str = "shop") -> None:
        self.connection, self.app = connection, app
        self.session = connection.session
        self.state = ProjectState()

    def apply(self, *operations: Operation) -> None:
        for operation in operations:
            after = self.after(operation)
            with self.connection.schema_editor() as editor:
                operation.database_forwards(self.app, editor, self.state, after)
            self.state = after

    def unapply(self, operation: Operation, before: ProjectState) -> None:
        with self.connection.schema_editor() as editor:
            operation.database_backwards(self.app, editor, self.state, before)
        self.state = before

    def collect(self, operation: Operation) -> list[str]:
        """Return what sqlmigrate prints of an operation."""
        with self.connection.schema_editor(collect_sql=True) as editor:
            operation.database_forwards(self.app, editor, self.state, self.after(operation))
        return list(editor.collected_sql)

    def after(self, operation: Operation) -> ProjectState:
        state = self.state.clone()
        operation.state_forwards(self.app, state)
        return state

    def model(self, name: str = "Item") -> Any:
        """Return a model as the migrations have left it."""
        return self.state.apps.get_model(self.app, name)

    def rows(self, name: str = "Item") -> Any:
        return self.model(name)._default_manager.using(self.connection.alias)

    def fill(self, *values: dict[str, Any], name: str = "Item") -> None:
        """Insert rows with the primary keys 1, 2, ..."""
        self.rows(name).bulk_create([self.model(name)(pk=pk, **each) for pk, each in enumerate(values, 1)])

    def entities(self, kind: str) -> list[Entity]:
        return [row[1] for page in self.session.run_query(Query(kind, self.session.namespace()), WHOLE) for row in page.rows]

    def markers(self) -> list[Entity]:
        return self.entities(MARKERS)

    def count_markers(self) -> int:
        query = Query(MARKERS, self.session.namespace())
        return sum(len(page.rows) for page in self.session.run_query(query, Shape((Column(KEY, Type.KEY),))))

    def owners(self) -> list[Any]:
        """Return the primary keys of the rows that own markers, one for each marker."""
        return sorted(marker.properties["owner"].id_or_name for marker in self.markers())  # type: ignore[union-attr]

    def key(self, ident: int | str, kind: str = "shop_item") -> Key:
        return Key(((kind, ident),), self.session.namespace())

    def put(self, *entities: Entity) -> None:
        """Write entities past the ORM, as many at once as every store takes."""
        mutations = [Mutation(Verb.UPSERT, entity.key, entity) for entity in entities if entity.key is not None]
        limit = self.session.driver.capabilities.entity_groups or 500
        for start in range(0, len(mutations), limit):
            self.session.store.commit(mutations[start : start + limit])

    def remove(self, *keys: Key) -> None:
        """Delete entities past the ORM."""
        self.session.store.commit([Mutation(Verb.DELETE, key) for key in keys])

    def audit(self, action: Action = Action.CHECK, name: str = "Item") -> Audit:
        """Return what an audit of a model says at its end."""
        return finished(self.connection, self.model(name), action)


def finished(connection: Any, model: Any, action: Action) -> Audit:
    """Run an audit; return it with all its lines."""
    audit, lines = Audit(""), []
    for audit in connection.kindstore.unique_keeper.audit(connection, model, action, restart=False):
        lines += audit.lines
    audit.lines = lines
    return audit


@contextmanager
def interrupted(shop: Shop, after: int) -> Iterator[None]:
    """Let the process die at the first commit after some more, or at the end of the block: the migration is to be run again."""
    store, before, left = shop.session.store, shop.state, iter(range(after))

    def commit(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return type(store).commit(store, *arguments)

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(store, "commit", commit)
        yield
    shop.state = before


@contextmanager
def meanwhile(session: Any, *mutations: Mutation) -> Iterator[None]:
    """Let somebody else commit just before the first commit of a block."""
    store, foreign = session.store, iter([mutations])

    def commit(*arguments: Any) -> Any:
        for each in foreign:
            store.driver.commit(each)
        return type(store).commit(store, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "commit", commit)
        yield
