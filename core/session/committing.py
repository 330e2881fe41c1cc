"""Commits a unit: again where the store gave it up, differently where a step's entity was taken, and never twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db.utils import DatabaseError, OperationalError

from ..datamodel import ENTITY, KEY, Column, Entity, Key, Mutation, MutationResult, Shape, Type, Verb
from ..datamodel.errors import AlreadyExists, Contention, NotFound, OutcomeUnknown, VersionConflict
from .changes import Receipt, Unit
from .contention import ATTEMPTS, pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session import Session

    Send = Callable[[list[Mutation]], list[MutationResult]]

WHOLE = Shape((Column(KEY, Type.KEY), Column(ENTITY, Type.ENTITY)))


def commit(session: Session, unit: Unit, *, patient: bool = True) -> list[MutationResult]:
    """Commit a unit in one RPC, if all goes well, and return the results of its mutations.

    A commit that the store gave up in favour of another is sent again if `patient`. One that was not answered is settled by its receipt: an
    insert that nobody else makes, so that a second commit cannot be applied beside the first; OutcomeUnknown where it has none.
    """
    return Committer(session, unit, lambda mutations: session.write(unit, mutations), patient=patient).run()


class Committer:
    """One unit on its way to the store."""

    def __init__(self, session: Session, unit: Unit, send: Send, *, patient: bool) -> None:
        self.session, self.unit, self.send, self.patient = session, unit, send, patient
        self.mutations = unit.mutations
        self.unanswered: OutcomeUnknown | None = None  # what was said of an attempt that may have been applied, or may yet be

    def run(self) -> list[MutationResult]:
        """Commit, or raise what stands in the way: OutcomeUnknown where an attempt that was not answered may be applied by now or later."""
        try:
            return self._run()
        except DatabaseError as error:
            if self.unanswered is None or isinstance(error, OutcomeUnknown):
                raise
            raise self.unanswered from error

    def _run(self) -> list[MutationResult]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.send(self.mutations)
            except OutcomeUnknown as error:
                self.unanswered = error
                if self._was_applied(error):
                    return self._results()
                failure: DatabaseError = error
            except (AlreadyExists, NotFound, Contention) as error:
                if self.unanswered is not None and self._was_applied(self.unanswered):
                    return self._results()
                failure = error
                if not isinstance(error, Contention) or isinstance(error, VersionConflict):
                    self._settle(error)
                    continue
                if not self.patient and self.unanswered is None:
                    raise
            if attempt < ATTEMPTS:
                pause(attempt)
        raise failure

    def _results(self) -> list[MutationResult]:
        """Return results without versions: the answer that had them was lost."""
        return [MutationResult(0) for _ in self.mutations]

    def _was_applied(self, unanswered: OutcomeUnknown) -> bool:
        """Tell whether an unanswered attempt was applied; raise what was said of it where nothing tells."""
        receipt = self.unit.receipt
        if receipt is None:
            raise unanswered
        try:
            return receipt.is_in(stored(self.session, receipt))
        except OperationalError:
            raise unanswered from None

    def _settle(self, error: AlreadyExists | NotFound | VersionConflict) -> None:
        """Have the steps decide about what stands in the way of their entities; raise the error if it is not about these."""
        if not isinstance(error, AlreadyExists):
            if self.mutations is self.unit.mutations:
                raise error
            self.mutations = self.unit.mutations  # what an arbiter made of them is out of date
            return
        inserted = {mutation.key for mutation in self.mutations if mutation.verb is Verb.INSERT}
        anew = [made for arbiter in self.unit.arbiters if (made := arbiter(self.session, error.key, inserted)) is not None]
        if not anew:
            raise error
        self.mutations = replaced(self.mutations, [mutation for mutations in anew for mutation in mutations])


def stored(session: Session, receipt: Receipt) -> Entity | None:
    """Look a receipt's entity up."""
    (row,) = session.lookup([receipt.key], WHOLE)
    return None if row is None else row[1]


def replaced(mutations: Sequence[Mutation], anew: Sequence[Mutation]) -> list[Mutation]:
    """Return mutations with others in the places of those with their keys, and at the end where there is none."""
    by_key: dict[Key, Mutation] = {mutation.key: mutation for mutation in anew}
    return [by_key.pop(mutation.key, mutation) for mutation in mutations] + list(by_key.values())
