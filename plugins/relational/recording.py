"""What a statement reads, noted while Django compiles it: each table in each FROM clause, with the condition that applies there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models.sql.constants import LOUTER

from ...core.mapping.columns import unquoted

if TYPE_CHECKING:
    from ...core.driver import Intent


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One table in one FROM clause. `clause` is Django's BaseTable or Join, None in extra(tables=...)."""

    query: Any
    where: Any
    alias: str
    table: str
    clause: Any = None

    @property
    def is_outer(self) -> bool:
        """Whether a row of this table may be missing in the result of the joins."""
        return getattr(self.clause, "join_type", None) == LOUTER


@dataclass(slots=True, eq=False)
class Recording:
    """The tables of a statement and its inner ones. `raw` tells that it holds SQL of the user's, which may read more."""

    uses: list[Use] = field(default_factory=list)
    raw: bool = False

    def note(self, compiler: Any) -> None:
        """Note the FROM clause that a compiler has just made; afterwards Django forgets which of the joins are in use."""
        query, where = compiler.query, compiler.where
        for alias, clause in query.alias_map.items():
            if query.alias_refcount[alias]:
                self.uses.append(Use(query, where, alias, unquoted(clause.table_name), clause))
        self.uses.extend(Use(query, None, table, unquoted(table)) for table in query.extra_tables)

    def only_use(self, table: str) -> Use | None:
        """Return the one place where a table is read, None where there are more or where SQL of the user's may read it too."""
        uses = [use for use in self.uses if use.table.lower() == table.lower()]
        return uses[0] if len(uses) == 1 and not self.raw else None


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled SELECT, ready to run. `reason` says why the store does not run it, `intent` whether it locks rows of its model."""

    model: Any
    sql: str
    params: tuple[Any, ...]
    recording: Recording
    reason: str = ""
    intent: Intent = "read"

    @property
    def locked(self) -> frozenset[str]:
        """The tables of which it locks what it reads: those of a model and of its parents."""
        if self.intent != "lock":
            return frozenset()
        return frozenset(unquoted(model._meta.db_table) for model in (self.model, *self.model._meta.all_parents))
