"""Optimistic writing: what was read is written on condition that it has not changed, else it is read again and tried again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db.utils import DatabaseError

from ...datamodel import Key
from ...datamodel.errors import Contention, NotFound
from ...session.changes import Change
from ...session.committing import commit
from ...session.contention import ATTEMPTS, pause
from ...session.session import Session
from ...session.writing import Writer, with_progress


def write_guarded(session: Session, writer: Writer, changes: list[Change], again: Callable[[Sequence[Key]], list[Change]]) -> int:
    """Commit changes that carry the versions that were read; return how many rows were written.

    A unit that conflicts is made anew by `again`, from those of its rows that still match, and tried again, `ATTEMPTS` times in all.
    """
    written, pending = 0, [changes]
    for attempt in range(1, ATTEMPTS + 1):
        failed: list[Change] = []
        for batch in pending:
            for unit in writer.units(batch):
                try:
                    commit(session, unit, patient=False)
                except (Contention, NotFound) as error:
                    if attempt == ATTEMPTS:
                        raise with_progress(error, written, len(changes)) from error
                    failed += unit.changes
                except DatabaseError as error:
                    if not written:
                        raise
                    raise with_progress(error, written, len(changes)) from error
                else:
                    written += len(unit.changes)
        if not failed:
            break
        pause(attempt)
        pending = [again([change.key for change in failed])]
    return written
