"""Audits of whole tables: page by page, resumable, for `manage.py kindstore_constraints`."""

from __future__ import annotations

import json
from bisect import bisect
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...core.datamodel import KEY, Entity, Key, Mutation, Op, Order, Query, Test, Verb
from ...core.session.changes import Unit
from ...core.session.committing import commit
from ...core.session.session import first_row
from ...core.uniqueness import Action, Audit
from . import auditing
from .auditing import Auditor, Examiner, Fault, Finding, StrayAuditor, look_up, pages_of_markers, pages_of_rows
from .building import KEYS
from .markers import MARKERS, marker_range
from .repairing import Repairer

if TYPE_CHECKING:
    from ...core.session.session import Session

POSITIONS = "_kindstore_audit"  # the kind of the entities that say how far an interrupted audit came
BOUNDS = ("\0", "\U0010ffff")  # names, between which all markers' are
ROWS, MARKING = "rows", "markers"  # the two passes


class Position:
    """Where an audit of a table stands, in the store."""

    def __init__(self, session: Session, action: Action, table: str) -> None:
        self.session, self.namespace = session, session.namespace()
        self.key = Key(((POSITIONS, f"{action.value} {table}"),), self.namespace)
        self.phase, self.kept = ROWS, False
        self.after: Key | None = None

    def restore(self, audit: Audit) -> None:
        """Go on where an interrupted audit stopped."""
        found = look_up(self.session, [self.key]).get(self.key)
        if found is None:
            return
        self.kept = True
        state = json.loads(str(found.properties["state"]))
        audit.resumed, audit.rows, audit.markers = True, state["rows"], state["markers"]
        audit.found, audit.settled = Counter(state["found"]), Counter(state["settled"])
        self.phase = state["phase"]
        self.after = None if state["after"] is None else Key(tuple((kind, ident) for kind, ident in state["after"]), self.namespace)

    def save(self, audit: Audit, phase: str, after: Key | None) -> None:
        """Keep how far an audit has come."""
        self.kept = True
        state = {
            "phase": phase,
            "after": None if after is None else after.path,
            "rows": audit.rows,
            "markers": audit.markers,
            "found": audit.found,
            "settled": audit.settled,
        }
        self._write(Mutation(Verb.UPSERT, self.key, Entity(self.key, {"state": json.dumps(state)}, frozenset(("state",)))))

    def clear(self) -> None:
        """Forget it, if there is anything: the audit is at its end, or starts over."""
        if self.kept:
            self._write(Mutation(Verb.DELETE, self.key))

    def _write(self, mutation: Mutation) -> None:
        commit(self.session, Unit((), [mutation]))


def audit(connection: Any, model: Any, action: Action, *, restart: bool) -> Iterator[Audit]:
    """Audit a model's rows first, then the markers of its table; the same object is yielded again and again."""
    auditor = Auditor(connection, model)
    result, position = Audit(auditor.label), Position(auditor.session, action, auditor.kind)
    position.restore(result)
    if restart:
        position.clear()
        position, result = Position(auditor.session, action, auditor.kind), Audit(auditor.label)
    inspection = Inspection(auditor, action, result)
    yield from inspection.told()
    for phase, page in _pages(auditor, action, position):
        (inspection.page_of_rows if phase == ROWS else inspection.page_of_markers)(page)
        if len(page) == auditing.PAGE:  # another one may follow
            position.save(result, phase, page[-1].key)
        yield from inspection.told()
    position.clear()
    result.finished = True
    yield from inspection.told()


def _pages(auditor: Auditor, action: Action, position: Position) -> Iterator[tuple[str, list[Entity]]]:
    """Yield the pages that are left, each with its pass. Only the pass over the rows finds what repairs them."""
    session, namespace = auditor.session, auditor.session.namespace()
    if position.phase == ROWS and action is not Action.CLEAN and auditor.uniques.all:
        yield from ((ROWS, page) for page in pages_of_rows(session, auditor.kind, namespace, position.after))
    after = position.after if position.phase == MARKING else None
    yield from ((MARKING, page) for page in pages_of_markers(session, *marker_range(auditor.kind, namespace), after))


class Inspection:
    """Examines pages, counts what is found, and puts it right if that is asked for."""

    def __init__(self, auditor: Examiner, action: Action, audit: Audit) -> None:
        self.auditor, self.action, self.audit = auditor, action, audit
        self.repairer = Repairer(auditor)

    def page_of_rows(self, page: Sequence[Entity]) -> None:
        """Find what rows lack; what is wrong with markers themselves, a check leaves to the pass over these."""
        self._examined(self.auditor.rows(page), (Fault.MISSING, Fault.DUPLICATE))
        self.audit.rows += len(page)

    def page_of_markers(self, page: Sequence[Entity]) -> None:
        self._examined(self.auditor.markers(page), tuple(Fault))
        self.audit.markers += len(page)

    def told(self) -> Iterator[Audit]:
        """Yield the audit, and what was found since it was told of."""
        yield self.audit
        self.audit.lines = []

    def _examined(self, findings: Sequence[Finding], checked: Collection[Fault]) -> None:
        settled: list[Finding] = []
        if self.action is Action.CHECK:
            found = [each for each in self.auditor.confirmed(findings) if each.fault in checked]
        else:
            settled, left = self.repairer.settle(self.auditor.again(findings))
            self.auditor.forget()
            found = settled + left
        self.audit.found.update(each.fault.value for each in found)
        self.audit.settled.update(each.fault.value for each in settled)
        self.audit.lines += [text(each, self.auditor) for each in found]


def audit_strays(connection: Any, tables: Collection[str], action: Action) -> Iterator[Audit]:
    """Audit the markers of tables that no model here has: those whose rows are gone are orphaned, of others nothing is known."""
    auditor = StrayAuditor(connection.session)
    inspection = Inspection(auditor, action, Audit("tables without a model"))
    for page in _stray_pages(auditor.session, tables):
        inspection.page_of_markers(page)
        yield from inspection.told()
    inspection.audit.finished = True
    yield from inspection.told()


def _stray_pages(session: Session, tables: Collection[str]) -> Iterator[list[Entity]]:
    """Yield the markers of other tables; those of these are skipped, table by table."""
    namespace = session.namespace()
    low, end = (Key(((MARKERS, name),), namespace) for name in BOUNDS)
    ranges = [*sorted((marker_range(table, namespace) for table in tables), key=lambda keys: keys[0].path), (end, end)]
    ends = [str(high.id_or_name) for _, high in ranges]
    while (first := _marker_after(session, low)) is not None:
        start, high = ranges[bisect(ends, str(first.id_or_name))]
        yield from pages_of_markers(session, low, start, None)
        low = high


def _marker_after(session: Session, low: Key) -> Key | None:
    query = Query(MARKERS, low.namespace, Test(KEY, Op.GT, low), (Order(KEY),), limit=1)
    row = first_row(session.run_query(query, KEYS))
    return None if row is None else row[0]


def text(finding: Finding, auditor: Examiner) -> str:
    """Return a finding in words."""
    name = f"{auditor.label} ({finding.constraint})" if finding.constraint else auditor.label
    row = None if finding.row is None or finding.row.key is None else auditor.named(finding.row.key)
    owner = None if finding.owner_key is None else auditor.named(finding.owner_key)
    match finding.fault:
        case Fault.MISSING:
            said = f"the row {row!r} has no marker"
        case Fault.ORPHANED:
            said = "a marker names no row" if owner is None else f"a marker names the row {owner!r}, which does not exist"
        case Fault.WRONG:
            said = f"a marker names the row {owner!r}, which has another value"
        case Fault.OBSOLETE:
            said = "a marker is of a constraint that does not exist"
        case Fault.DUPLICATE:
            said = f"the rows {owner!r} and {row!r} have the same value: {finding.values}"
    return f"{finding.fault.value}: {name}: {said}."
