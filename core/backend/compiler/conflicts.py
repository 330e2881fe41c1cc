"""INSERT ... ON CONFLICT: rows that are there already are left alone or updated, the others are inserted, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.constants import OnConflict
from django.db.utils import DatabaseError, IntegrityError, NotSupportedError

from ...datamodel import ENTITY, KEY, VERSION, Key, MutationResult, Row, Value, Verb
from ...datamodel.errors import AlreadyExists, NotFound, VersionConflict
from ...mapping import ColumnMapping, ModelMapping
from ...session.changes import Change
from ...session.contention import ATTEMPTS, pause
from ...session.writing import Writer
from .insertion import Insertion

if TYPE_CHECKING:
    from ...session.session import Session

Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Conflict:
    """What counts as a conflict, and what becomes of the row that is there.

    `target` are the names of the columns that must be equal, None for those of any constraint. `update` are the columns that it takes over.
    """

    target: frozenset[str] | None
    update: tuple[ColumnMapping, ...]


def conflict_of(query: Any, mapping: ModelMapping) -> Conflict:
    """Read what an INSERT says about conflicts."""
    target = frozenset(mapping.by_field[field].name for field in query.unique_fields) or None
    update = [mapping.by_field[field] for field in query.update_fields] if query.on_conflict is OnConflict.UPDATE else []
    return Conflict(target, tuple(update))


class ConflictingInsertion(Insertion):
    """The rows of one INSERT, some of which may be there already. After `run`, `final` are the rows as they are then."""

    def __init__(
        self, session: Session, mapping: ModelMapping, rows: list[Values], conflict: Conflict, correct: Callable[[list[Values]], None]
    ) -> None:
        """Prepare to insert; `correct` tells the caller of other rows than it was told of, after a transaction has run this again."""
        super().__init__(session, mapping, rows)
        self.correct = correct
        keeper = session.alias.unique_keeper
        if keeper is None:
            raise NotSupportedError(
                f"bulk_create() of {mapping.label} is asked for ignore_conflicts or update_conflicts, and nothing keeps values unique. "
                f"Add 'constraints' to PLUGINS of DATABASES[{session.alias.settings.alias!r}], or look for the rows first."
            )
        self.keeper, self.conflict = keeper, conflict
        self.writer = Writer(session, mapping)
        self.writer.arbiter = self._refuse_taken
        self.final = list(rows)
        self.todo: list[int] = []  # positions in `rows`
        self.planned: dict[Key, Change] = {}
        self.places: dict[Key, list[int]] = {}  # which of the rows each planned change stands for

    def run(self) -> None:
        """Insert and update."""
        self.session.perform(self._rows_told, tolerates_conflicts=True, correct=self.correct)

    def _rows_told(self) -> list[Values]:
        """Insert and update, and return the rows as their caller is told of them: none where rows that are there are left alone."""
        self._run()
        return [dict(row) for row in self.final] if self.conflict.update else []

    def _run(self) -> None:
        self.todo = list(range(len(self._with_ids())))
        refused: list[Key] = []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._write_all()
            except (VersionConflict, NotFound) as error:
                failure: DatabaseError = error
            except IntegrityError as error:
                failure = error
                if list(self.planned) == refused:  # nothing has changed, so it is no race
                    break
                refused = list(self.planned)
                self._draw_taken(error)
            else:
                return
            if attempt < ATTEMPTS:
                pause(attempt)
        raise self._conflict(failure.key, failure) if isinstance(failure, AlreadyExists) and failure.key is not None else failure

    def _write_all(self) -> None:
        while self.todo:
            self._plan()
            self.writer.write(list(self.planned.values()), self._committed)

    def _committed(self, chunk: Sequence[Change], _results: list[MutationResult]) -> None:
        done = {at for change in chunk for at in self.places[change.key]}
        self.todo = [at for at in self.todo if at not in done]

    def _draw_taken(self, error: IntegrityError) -> None:
        """Give the row another id whose id was drawn and is taken."""
        row = self.drawn.pop(error.key, None) if isinstance(error, AlreadyExists) and error.key is not None else None
        if row is not None:
            (row[self.mapping.key_column.name],) = self._ids(1)
            self.drawn[self._key(row)] = row

    # Which rows are there already

    def _plan(self) -> None:
        """Decide what is to be done with each row. One that conflicts with a row of the batch that is not written itself waits."""
        changes = self._without_repeated({at: self._change(self.rows[at]) for at in self.todo})
        later = [at for at in self.todo if at not in changes]
        taken = self._taken_keys([change.key for change in changes.values()])
        owners = self._owners(changes, taken)
        self.planned, self.places, waiting = {}, {}, []
        stored = self._stored([key for key in owners.values() if key is not None])
        own = {change.key for change in changes.values()} - taken
        for at, change in changes.items():
            target = owners[at] or change.key
            if target in self.planned:
                self._join(at, target, change)
            elif owners[at] is None:
                self.planned[change.key], self.places[change.key], self.final[at] = change, [at], self.rows[at]
            elif (target in own and target != change.key) or (self.conflict.update and target not in stored):  # it has just been deleted
                waiting.append(at)
            elif self.conflict.update:
                self._update(at, target, change, stored[target])
        self.todo = sorted([*later, *waiting, *(at for places in self.places.values() for at in places)])

    def _without_repeated(self, changes: dict[int, Change]) -> dict[int, Change]:
        """Return the changes before the first whose key was there before: what that one claims depends on what became of the other."""
        if self.conflict.target is not None:
            return changes
        seen: set[Key] = set()
        for at, change in changes.items():
            if change.key in seen:
                return {each: changes[each] for each in changes if each < at}
            seen.add(change.key)
        return changes

    def _taken_keys(self, keys: Sequence[Key]) -> set[Key]:
        """Return which of the primary keys that the caller chose are in the store."""
        if self.conflict.target is not None and not self._targets_key:
            return set()
        chosen = list(dict.fromkeys(key for key in keys if key not in self.drawn))
        rows = self.session.lookup(chosen, self.mapping.shape((KEY,))) if chosen else []
        return {key for key, row in zip(chosen, rows, strict=True) if row is not None}

    @property
    def _targets_key(self) -> bool:
        return self.conflict.target == frozenset(column.name for column in self.mapping.key_columns)

    def _owners(self, changes: Mapping[int, Change], taken: set[Key]) -> dict[int, Key | None]:
        """Return the keys of the rows that rows conflict with: stored ones, or earlier ones of the batch."""
        owners: dict[int, Key | None] = {at: change.key if change.key in taken else None for at, change in changes.items()}
        if self._targets_key:
            return owners
        unsettled = [at for at, owner in owners.items() if owner is None]
        found = self.keeper.owners(self.session, self.mapping.model, [changes[at] for at in unsettled], self.conflict.target)
        return {**owners, **dict(zip(unsettled, found, strict=True))}

    def _stored(self, keys: Sequence[Key]) -> dict[Key, Row]:
        """Read the rows that are to be updated."""
        wanted = list(dict.fromkeys(keys)) if self.conflict.update else []
        rows = self.session.lookup(wanted, self.mapping.shape((VERSION, ENTITY))) if wanted else []
        return {key: row for key, row in zip(wanted, rows, strict=True) if row is not None}

    # What becomes of them

    def _taken_over(self, change: Change) -> Values:
        return {column.name: change.values[column.name] for column in self.conflict.update}

    def _update(self, at: int, key: Key, change: Change, row: Row) -> None:
        version, before = row
        known = {name: value for name, value in before.properties.items() if name in self.mapping.by_name}
        values = {**known, **self._taken_over(change)} if self.writer.needs_after else self._taken_over(change)
        self.planned[key] = Change(Verb.UPDATE, key, values, before=before, version=version)
        self.places[key] = []
        self._note(at, key)

    def _join(self, at: int, key: Key, change: Change) -> None:
        """Let a row update one that is written anyway."""
        if self.conflict.update:
            planned = self.planned[key]
            planned.values = {**planned.values, **self._taken_over(change)}
            self._note(at, key)

    def _note(self, at: int, key: Key) -> None:
        self.places[key].append(at)
        for place in self.places[key]:
            self.final[place] = self._row(self.planned[key])

    def _row(self, change: Change) -> Values:
        """Return a row as it will be, with its primary key."""
        before = {} if change.before is None else change.before.properties
        keys = {} if self.mapping.is_composite else {self.mapping.key_column.name: change.key.id_or_name}
        return {**before, **change.values, **keys}
