"""Makes the markers of a constraint that rows are to keep from now on, and drops those of one that is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.db.utils import IntegrityError

from ...core.datamodel import KEY, And, Column, Key, Mutation, Op, Order, Query, Shape, Test, Type, Verb
from ...core.session.changes import Unit
from ...core.session.committing import commit
from .auditing import Auditor, Finding, pages_of_rows
from .markers import MARKERS, marker_range
from .repairing import Repairer

if TYPE_CHECKING:
    from ...core.session.session import Session
    from ...core.uniqueness import Position

KEYS = Shape((Column(KEY, Type.KEY),))
DROPPED = 500  # markers in one commit
LISTED, LISTED_ROWS = 24, 12  # values that occur more than once, and of each the rows that have it


def build(connection: Any, model: Any, identities: Collection[str], position: Position) -> None:
    """Make the markers of all rows, page by page; raise IntegrityError that lists the values which more than one row has.

    The markers of the other rows are made all the same. A page is done once all pages before it are, and none has a duplicate.
    """
    auditor = Auditor(connection, model, identities)
    repairer, duplicates = Repairer(auditor), Duplicates(auditor)
    namespace = auditor.session.namespace()
    for page in pages_of_rows(auditor.session, auditor.kind, namespace, position.after):
        _, left = repairer.settle(auditor.rows(page))
        auditor.forget()
        duplicates.add(left)
        if not duplicates.listed:
            assert page[-1].key is not None
            position.reached(page[-1].key)
    if duplicates.listed:
        raise IntegrityError(str(duplicates))


def drop(connection: Any, table: str, identities: Iterable[str] | None = None) -> None:
    """Delete the markers of constraints of a table; None stands for all that it has or had."""
    session: Session = connection.session
    namespace = session.namespace()
    for identity in (None,) if identities is None else identities:
        _drop(session, *marker_range(table, namespace, identity))


def _drop(session: Session, low: Key, high: Key) -> None:
    capabilities = session.capabilities
    limit = min(DROPPED, capabilities.entity_groups or DROPPED, capabilities.commit_mutations or DROPPED)
    while True:
        query = Query(MARKERS, low.namespace, And((Test(KEY, Op.GT, low), Test(KEY, Op.LT, high))), (Order(KEY),), limit=DROPPED)
        keys = [row[0] for page in session.run_query(query, KEYS) for row in page.rows]
        for start in range(0, len(keys), limit):
            commit(session, Unit((), [Mutation(Verb.DELETE, key) for key in keys[start : start + limit]]))
        if len(keys) < DROPPED:
            return
        low = keys[-1]


class Duplicates:
    """Values that more than one row has, for an error."""

    def __init__(self, auditor: Auditor) -> None:
        self.auditor = auditor
        self.listed: dict[Key, tuple[Finding, dict[Key, None]]] = {}  # those that are listed
        self.more: set[Key] = set()

    def add(self, findings: Iterable[Finding]) -> None:
        """Take note of duplicates."""
        for finding in findings:
            if finding.key not in self.listed and len(self.listed) >= LISTED:
                self.more.add(finding.key)
                continue
            _, rows = self.listed.setdefault(finding.key, (finding, {}))
            rows.update({entity.key: None for entity in (finding.owner, finding.row) if entity is not None and entity.key is not None})

    def __str__(self) -> str:
        lines = [f"  {finding.values}: {self._listed(rows)}" for finding, rows in self.listed.values()]
        if self.more:
            lines.append(f"  and {len(self.more)} more")
        names = sorted({", ".join(finding.unique.fields) for finding, _ in self.listed.values() if finding.unique is not None})
        return "\n".join(
            [
                f"{self.auditor.label} cannot become unique by {' and by '.join(names)}: these values occur more than once.",
                *lines,
                "Change or delete all but one row of each, then run the migration again.",
            ]
        )

    def _listed(self, rows: Collection[Key]) -> str:
        named = ", ".join(repr(self.auditor.named(key)) for key in list(rows)[:LISTED_ROWS])
        rest = len(rows) - LISTED_ROWS
        return f"primary keys {named}" + (f" and {rest} more" if rest > 0 else "")
