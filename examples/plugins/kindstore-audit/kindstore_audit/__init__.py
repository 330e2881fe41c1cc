"""A plugin for kindstore that writes an audit entity beside every change, in the same commit."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.core.plugins import hookimpl

if TYPE_CHECKING:
    from django.db.models import Model

    from kindstore.core.session.changes import Batch, Change

KIND = "kindstore_audit"


class AuditPlugin:
    """Audits the kinds of the option `kinds`, or all of them."""

    def __init__(self, *, kinds: Iterable[str] | None = None) -> None:
        if isinstance(kinds, str):
            raise ImproperlyConfigured(f"The option 'kinds' of the plugin 'audit' is the string {kinds!r}; it must be a list of kinds.")
        self.kinds = None if kinds is None else frozenset(kinds)

    @hookimpl
    def index_step(self, model: type[Model]) -> AuditStep | None:
        """Hand over the step, for a model that is audited."""
        kind = model._meta.db_table.strip('"')
        audited = kind != KIND and (self.kinds is None or kind in self.kinds)
        return AuditStep() if audited else None


class AuditStep:
    """Adds the audit entities of a batch to its commit."""

    needs_before = False
    needs_after = False

    def __call__(self, batch: Batch) -> None:
        at = datetime.now(UTC)
        batch.mutations.extend(audit(change, at) for change in batch.changes)


def audit(change: Change, at: datetime) -> Mutation:
    """Return the mutation that writes the audit entity of a change, into the namespace of the change."""
    key = Key(((KIND, uuid.uuid4().hex),), change.key.namespace, change.key.database, change.key.project)
    properties = {
        "kind": change.key.kind,
        "key": str(Key(change.key.path)),
        "verb": change.verb.value,
        "at": at,
        "columns": ",".join(sorted(change.values)),
    }
    return Mutation(Verb.INSERT, key, Entity(key, {"name": key.id_or_name, **properties}, unindexed=frozenset({"columns"})))
