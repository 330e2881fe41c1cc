"""What a schema editor does about rows that are there and break what they are to be checked for from now on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import CheckConstraint
from django.db.utils import IntegrityError

from ..datamodel import ENTITY, KEY, Column, Entity, Key, Op, Order, Query, Shape, Test, Type
from ..mapping import mapping_of
from ..mapping.columns import unquoted
from .rewriting import Assignment

PAGE = 500
LISTED = 10
ROWS = Shape((Column(KEY, Type.KEY), Column(ENTITY, Type.ENTITY)))
Alter = Callable[[Entity], Assignment | None]


class RowChecks:
    """Looks at all rows of a table, page by page. Without a keeper nothing is checked."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.keeper = connection, connection.kindstore.check_keeper

    def refuse_breaking(self, model: Any, constraint: Any) -> None:
        """Raise IntegrityError that lists rows which break a check constraint; other constraints are not this one's business."""
        if self.keeper is not None and isinstance(constraint, CheckConstraint):
            pages = (self.keeper.breaking(self.connection, model, page, constraint) for page in self._pages(model))
            self._refuse(model, f"the constraint {constraint.name!r}", pages)

    def added(self, model: Any, constraint: Any) -> None:
        """Tell the keeper that a table has got a constraint."""
        if self.keeper is not None and isinstance(constraint, CheckConstraint):
            self.keeper.added(self.connection, model, constraint)

    def removed(self, model: Any, constraint: Any) -> None:
        """Tell the keeper that a table has lost a constraint."""
        if self.keeper is not None and isinstance(constraint, CheckConstraint):
            self.keeper.removed(self.connection, model, constraint)

    def forget(self, *tables: str) -> None:
        """Tell the keeper that tables are gone, or new ones."""
        for table in tables if self.keeper is not None else ():
            self.keeper.forget(self.connection, table)

    def refuse_column(self, model: Any, column: str, alter: Alter | None) -> None:
        """Raise IntegrityError that lists rows whose value a column may not have; `alter` tells what becomes of a row by then."""
        if self.keeper is not None:
            pages = (
                self.keeper.breaking(self.connection, model, [_altered(entity, alter) for entity in page], column=column)
                for page in self._pages(model)
            )
            self._refuse(model, f"the check of the column {column!r}", pages)

    def _refuse(self, model: Any, what: str, pages: Iterator[list[Entity]]) -> None:
        broken: list[Any] = []
        keys = mapping_of(model, self.connection).keys
        for page in pages:
            broken += [keys.value(entity.key) for entity in page if entity.key is not None]
            if len(broken) > LISTED:
                break
        if broken:
            more = " and others" if len(broken) > LISTED else ""
            raise IntegrityError(
                f"CHECK constraint failed: rows of {model._meta.label} break {what}: those with the primary keys "
                f"{', '.join(map(repr, broken[:LISTED]))}{more}. Correct them, then run the migration again."
            )

    def _pages(self, model: Any) -> Iterator[list[Entity]]:
        session, kind = self.connection.session, unquoted(model._meta.db_table)
        after: Key | None = None
        while True:
            start = None if after is None else Test(KEY, Op.GT, after)
            query = Query(kind, session.namespace(), start, (Order(KEY),), limit=PAGE)
            rows = [row for page in session.run_query(query, ROWS) for row in page.rows]
            if rows:
                yield [row[1] for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1][0]


def _altered(entity: Entity, alter: Alter | None) -> Entity:
    made = None if alter is None else alter(entity)
    return entity if made is None else Entity(entity.key, {**entity.properties, **made.values})
