"""Django's SQL compilers, by verb: they plan and execute, and hand to the residual engine what the store cannot answer."""

from __future__ import annotations

from .aggregate import SQLAggregateCompiler
from .delete import SQLDeleteCompiler
from .insert import SQLInsertCompiler
from .select import SQLCompiler
from .update import SQLUpdateCompiler

__all__ = ["SQLAggregateCompiler", "SQLCompiler", "SQLDeleteCompiler", "SQLInsertCompiler", "SQLUpdateCompiler"]
