"""A connection of the chosen driver on a store of its own, and what applies the operations of migrations to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from kindstore.core.datamodel import ENTITY, Column, Entity, Key, Query, Shape
from kindstore.testing import connection_with

WHOLE = Shape((Column(ENTITY),))


def chosen() -> dict[str, Any]:
    """Return what names the chosen store."""
    entry = connections["default"].settings_dict
    return {"driver": entry["ENGINE"], "NAME": entry["NAME"], "PROJECT": entry.get("PROJECT")}


@pytest.fixture
def connection(django_db_blocker: Any) -> Iterator[Any]:
    """A connection on an empty store that runs what is native."""
    with django_db_blocker.unblock(), connection_with(**chosen(), options={"ids": "sequential"}) as made:
        yield made


@pytest.fixture
def store(connection: Any) -> Store:
    return Store(connection)


class Store:
    """Applies operations of migrations of the app "shop", and reads the entities as they are stored."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.state = ProjectState()

    def apply(self, *operations: Operation) -> None:
        for operation in operations:
            after = self.after(operation)
            with self.connection.schema_editor() as editor:
                operation.database_forwards("shop", editor, self.state, after)
            self.state = after

    def apply_and_fail(self, *operations: Operation) -> None:
        """Apply the operations of one migration, which then fails."""
        before = self.state
        editor = self.connection.schema_editor().__enter__()
        for operation in operations:
            after = self.after(operation)
            operation.database_forwards("shop", editor, self.state, after)
            self.state = after
        editor.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        self.state = before

    def unapply(self, operation: Operation, before: ProjectState) -> None:
        with self.connection.schema_editor() as editor:
            operation.database_backwards("shop", editor, self.state, before)
        self.state = before

    def collect(self, operation: Operation) -> list[str]:
        """Return what sqlmigrate prints of an operation."""
        with self.connection.schema_editor(collect_sql=True) as editor:
            operation.database_forwards("shop", editor, self.state, self.after(operation))
        return list(editor.collected_sql)

    def after(self, operation: Operation) -> ProjectState:
        state = self.state.clone()
        operation.state_forwards("shop", state)
        return state

    def rows(self, name: str) -> Any:
        """Return the manager of a model as the migrations have left it."""
        return self.state.apps.get_model("shop", name)._default_manager.using(self.connection.alias)

    def entities(self, kind: str) -> list[Entity]:
        session = self.connection.session
        query = Query(kind, session.namespace())
        return [row[0] for page in session.run_query(query, WHOLE) for row in page.rows]

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [dict(entity.properties) for entity in self.entities(kind)]

    def key(self, kind: str, ident: int | str) -> Key:
        return Key(((kind, ident),), self.connection.session.namespace())
