"""Puts markers right, each commit guarded by the versions of all the entities that it was decided by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...core.datamodel import Key, Mutation, Verb
from ...core.datamodel.errors import AlreadyExists, Contention, NotFound, OutcomeUnknown
from ...core.session.changes import Unit, new_commit_id
from ...core.session.committing import commit
from ...core.session.contention import ATTEMPTS, pause
from ...core.session.writing import estimated_bytes
from .arbiter import guard
from .auditing import Examiner, Fault, Finding
from .markers import marker

if TYPE_CHECKING:
    from ...core.driver import Capabilities

MOST = 500  # mutations in one commit
# What means that entities were not as they had been read; and a commit without an answer, which the guards keep from being made twice.
CONFLICTS = (AlreadyExists, Contention, NotFound, OutcomeUnknown)


class Repairer:
    """Writes what findings ask for. What somebody else changed meanwhile is examined again."""

    def __init__(self, auditor: Examiner) -> None:
        self.auditor, self.session = auditor, auditor.session

    def settle(self, findings: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Return the findings that were put right, and the duplicates, which nothing but a change of the rows does."""
        settled: list[Finding] = []
        left: dict[tuple[Key, Key], Finding] = {}
        most = MOST
        for attempt in range(1, ATTEMPTS + 1):
            left.update({(each.subject, each.key): each for each in findings if each.fault is Fault.DUPLICATE})
            failed, error = self._attempt([each for each in findings if each.fault is not Fault.DUPLICATE], most, settled)
            if error is None:
                return settled, list(left.values())
            if attempt == ATTEMPTS:
                raise error
            pause(attempt)
            most = max(most // 4, 1)  # of many rows one may change at any time
            findings = self.auditor.again(failed)
        raise AssertionError("unreachable")

    def _attempt(self, findings: list[Finding], most: int, settled: list[Finding]) -> tuple[list[Finding], BaseException | None]:
        """Commit in batches; return the findings of those that failed, and the last error."""
        failed: list[Finding] = []
        error: BaseException | None = None
        for batch in batches(findings, self.session.capabilities, most):
            try:
                commit(self.session, Unit((), mutations_of(batch, self.session.capabilities)), patient=False)
            except CONFLICTS as conflict:
                failed, error = failed + batch, conflict
            else:
                settled += batch
        return failed, error


def batches(findings: Sequence[Finding], capabilities: Capabilities, most: int) -> Iterator[list[Finding]]:
    """Cut findings into commits that the store takes, those of one row together."""
    batch: list[Finding] = []
    groups: set[object] = set()
    size = count = 0
    for finding in findings:
        mutations = mutations_of([finding], capabilities)
        roots, weight = {mutation.key.path[0] for mutation in mutations}, sum(map(estimated_bytes, mutations))
        full = count + len(mutations) > min(most, capabilities.commit_mutations or most)
        full = full or size + weight > capabilities.request_bytes
        full = full or (capabilities.entity_groups is not None and len(groups | roots) > capabilities.entity_groups)
        if batch and full:
            yield batch
            batch, groups, size, count = [], set(), 0, 0
        batch.append(finding)
        groups |= roots
        size, count = size + weight, count + len(mutations)
    if batch:
        yield batch


def mutations_of(findings: Sequence[Finding], capabilities: Capabilities) -> list[Mutation]:
    """Return what puts findings right, and guards of the entities that they were decided by."""
    commit_id = new_commit_id()
    written = {finding.key: _correction(finding, commit_id) for finding in findings}
    guards: dict[Key, Mutation] = {}
    for finding in findings:
        if finding.fault is not Fault.OBSOLETE:
            guards.update({guard.key: guard for guard in _guards(finding, masks=capabilities.property_masks)})
    return [*written.values(), *guards.values()]


def _correction(finding: Finding, commit_id: str) -> Mutation:
    found, row = finding.marker, finding.row
    if row is None or finding.unique is None:
        assert found is not None
        return Mutation(Verb.DELETE, finding.key, base_version=found.version)
    assert row.key is not None
    entity = marker(finding.key, row.key, finding.unique, commit_id)
    if found is None:
        return Mutation(Verb.INSERT, finding.key, entity)
    return Mutation(Verb.UPDATE, finding.key, entity, base_version=found.version)


def _guards(finding: Finding, *, masks: bool) -> Iterator[Mutation]:
    if finding.row is not None and finding.row.key is not None:
        yield guard(finding.row.key, (finding.row, finding.row.version), masks=masks)
    if finding.owner is not None and finding.owner.key is not None:
        yield guard(finding.owner.key, (finding.owner, finding.owner.version), masks=masks)
    # An owner that is gone is guarded by the marker: it cannot come back without writing that. (Firestore keeps versions of what was
    # deleted, so "does not exist" is no version that a mutation could ask for.)
