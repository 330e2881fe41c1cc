"""The plugin and its options."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from ...core.plugins import hookimpl
from .engine import RelationalEngine
from .policy import POLICIES


class RelationalPlugin:
    """Answers every query of the ORM: what the store has no way to run is run by SQLite over the rows of the tables it reads.

    `policy` says what happens to such a query: "allow", "warn" (an EmulatedQueryWarning once for each place in the code) or "error"
    (NotSupportedError before anything is read). `max_rows` is how many rows one query may fetch; beyond it is an OperationalError.
    """

    def __init__(self, policy: str = "warn", max_rows: int = 10_000) -> None:
        if policy not in POLICIES:
            raise ImproperlyConfigured(
                f"The option 'policy' of the plugin 'relational' is {policy!r}; choose one of {', '.join(map(repr, POLICIES))}."
            )
        if not isinstance(max_rows, int) or isinstance(max_rows, bool) or max_rows < 1:
            raise ImproperlyConfigured(
                f"The option 'max_rows' of the plugin 'relational' is {max_rows!r}; it must be a positive whole number."
            )
        self.engine = RelationalEngine(policy, max_rows)

    @hookimpl
    def residual_engine(self) -> RelationalEngine:
        return self.engine
