"""Compares rows with the markers of their unique values, and says what is wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from ...core.datamodel import ENTITY, KEY, And, Column, Entity, Key, Op, Order, Query, Shape, Test, Type
from .arbiter import owner_of
from .markers import CONSTRAINT, MARKERS, marker_range
from .uniques import Unique, Uniques, uniques_of

if TYPE_CHECKING:
    from ...core.session.session import Session

PAGE = 250  # entities: with a marker and a guard for each row, what one commit takes
WHOLE = Shape((Column(KEY, Type.KEY), Column(ENTITY, Type.ENTITY)))


class Fault(Enum):
    """What can be wrong with a marker."""

    MISSING = "missing"  # a row has the value, and nobody a marker
    ORPHANED = "orphaned"  # its owner does not exist
    WRONG = "wrong"  # its owner has another value
    OBSOLETE = "obsolete"  # its constraint does not exist
    DUPLICATE = "duplicate"  # another row than its owner has the value too


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `row` is the entity that has the value, if that is known, `owner` the one that the marker names, if it exists."""

    fault: Fault
    key: Key
    marker: Entity | None
    row: Entity | None
    owner_key: Key | None
    owner: Entity | None
    unique: Unique | None

    @property
    def subject(self) -> Key:
        """The key of the entity whose examination found this."""
        return self.key if self.row is None else self.row.key or self.key

    @property
    def evidence(self) -> tuple[Any, ...]:
        """What makes two findings the same: the fault, the entities, and their versions."""
        versions = [None if entity is None else (entity.key, entity.version) for entity in (self.marker, self.row, self.owner)]
        return (self.fault, self.key, self.owner_key, *versions)

    @property
    def constraint(self) -> str:
        """The name of the constraint that this is about; "" where nothing tells."""
        if self.unique is not None:
            return self.unique.name
        return "" if self.marker is None else str(self.marker.properties.get(CONSTRAINT, ""))

    @property
    def values(self) -> str:
        """The values of the row, by the columns that the constraint depends on."""
        assert self.row is not None
        assert self.unique is not None
        values = self.row.properties
        return ", ".join(f"{name}={values[name]!r}" for name in self.unique.columns if name in values)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Markers, rows, and the markers that each row must own, by their keys."""

    markers: dict[Key, Entity]
    rows: dict[Key, Entity]
    claims: dict[Key, dict[Key, Unique]]


class Examiner(ABC):
    """Says what is wrong with rows and with markers. All that it decides by is looked up by key, but the entities given to it."""

    label: str

    def __init__(self, session: Session) -> None:
        self.session = session

    @abstractmethod
    def rows(self, rows: Sequence[Entity]) -> list[Finding]:
        """Return what is wrong with the markers of rows."""

    @abstractmethod
    def markers(self, markers: Sequence[Entity]) -> list[Finding]:
        """Return what is wrong with markers themselves."""

    @abstractmethod
    def forget(self) -> None:
        """Forget what markers were not there: they have been written since."""

    def named(self, key: Key) -> Any:
        """Return what names a row to people: its primary key, if its model is known."""
        return key.id_or_name

    def confirmed(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return those that are found twice more, in entities that did not change between: nobody was just about to change them."""
        first = {finding.evidence for finding in self.again(findings)}
        return [finding for finding in self.again(findings) if finding.evidence in first] if first else []

    def again(self, findings: Iterable[Finding]) -> list[Finding]:
        """Look the entities up that findings are about, and examine them again."""
        subjects = look_up(self.session, (finding.subject for finding in findings))
        rows = [entity for key, entity in subjects.items() if key.kind != MARKERS]
        markers = [entity for key, entity in subjects.items() if key.kind == MARKERS]
        return [*(self.rows(rows) if rows else ()), *(self.markers(markers) if markers else ())]


class StrayAuditor(Examiner):
    """Examines markers of tables of which nothing is known."""

    label = "a table without a model"

    def rows(self, rows: Sequence[Entity]) -> list[Finding]:
        """Find nothing: without a model nobody knows which values of a row are unique."""
        return []

    def forget(self) -> None:
        """Do nothing: it keeps nothing."""

    def markers(self, markers: Sequence[Entity]) -> list[Finding]:
        owners = look_up(self.session, (owner for marker in markers if (owner := owner_of(marker)) is not None))
        found = [(marker, owner_of(marker)) for marker in markers]
        return [
            Finding(Fault.ORPHANED, marker.key, marker, None, owner, None, None)
            for marker, owner in found
            if marker.key is not None and (owner is None or owner not in owners)
        ]


class Auditor(Examiner):
    """Examines rows of one model, and markers of its table."""

    def __init__(self, connection: Any, model: Any, identities: Collection[str] | None = None) -> None:
        """Prepare to examine; `identities` are those of the constraints that count, None stands for all."""
        super().__init__(connection.session)
        self.uniques: Uniques = uniques_of(model, connection)
        self.kind, self.label = self.uniques.mapping.kind, self.uniques.mapping.label
        self._identities = identities
        self._known = tuple(str(marker_range(self.kind, "", unique.identity)[0].id_or_name) for unique in self.uniques.all)
        self._claimants: dict[Key, Key] = {}  # the rows that were the first to claim a marker which they did not own

    def named(self, key: Key) -> Any:
        return self.uniques.mapping.keys.value(key)

    def forget(self) -> None:
        self._claimants.clear()

    def rows(self, rows: Sequence[Entity]) -> list[Finding]:
        seen = self._seen(rows)
        claims = [(row, key, unique) for row in rows if row.key is not None for key, unique in seen.claims[row.key].items()]
        return [found for row, key, unique in claims if (found := self._examined(row, key, unique, seen)) is not None]

    def _seen(self, rows: Sequence[Entity]) -> _Seen:
        """Read the markers of rows, and the other rows that may have the same values."""
        claims = self._claims(rows)
        keys = [key for claimed in claims.values() for key in claimed]
        markers, known = look_up(self.session, keys), {row.key: row for row in rows if row.key is not None}
        others = look_up(self.session, (rival for key in keys for rival in self._rivals(key, markers.get(key)) if rival not in known))
        return _Seen(markers, known | others, self._claims(list(others.values())) | claims)

    def _examined(self, row: Entity, key: Key, unique: Unique, seen: _Seen) -> Finding | None:
        """Return what is wrong with the marker of one value of a row."""
        assert row.key is not None
        marker = seen.markers.get(key)
        owner_key = None if marker is None else owner_of(marker)
        if owner_key == row.key:
            return None
        for rival in self._rivals(key, marker):
            if rival != row.key and key in seen.claims.get(rival, ()):
                return Finding(Fault.DUPLICATE, key, marker, row, rival, seen.rows[rival], unique)
        self._claimants[key] = row.key
        owner = None if owner_key is None else seen.rows.get(owner_key)
        fault = Fault.MISSING if marker is None else Fault.ORPHANED if owner is None else Fault.WRONG
        return Finding(fault, key, marker, row, owner_key, owner, unique)

    def markers(self, markers: Sequence[Entity]) -> list[Finding]:
        owners = look_up(self.session, (owner for marker in markers if (owner := owner_of(marker)) is not None))
        claims = self._claims(list(owners.values()))
        found = []
        for marker in markers:
            owner_key, key = owner_of(marker), marker.key
            assert key is not None
            unique = None if owner_key is None else claims.get(owner_key, {}).get(key)
            if unique is None:
                holder = None if owner_key is None else owners.get(owner_key)
                found.append(Finding(self._fault(key, holder), key, marker, None, owner_key, holder, None))
        return found

    def _claims(self, entities: Sequence[Entity]) -> dict[Key, dict[Key, Unique]]:
        """Return the markers that rows must own; entities of other kinds own none, whatever they hold."""
        rows = [entity for entity in entities if entity.key is not None and entity.key.kind == self.kind]
        claims = self.uniques.claims(rows) if rows else []
        wanted = self._identities
        if wanted is not None:
            claims = [{key: unique for key, unique in each.items() if unique.identity in wanted} for each in claims]
        return {row.key: each for row, each in zip(rows, claims, strict=True) if row.key is not None}

    def _rivals(self, key: Key, marker: Entity | None) -> list[Key]:
        """Return the keys of the rows that may have a value: its marker's owner, and who was the first to claim it."""
        candidates = (None if marker is None else owner_of(marker), self._claimants.get(key))
        return [each for each in candidates if each is not None]

    def _fault(self, key: Key, owner: Entity | None) -> Fault:
        if not str(key.id_or_name).startswith(self._known or ("\0",)):
            return Fault.OBSOLETE
        return Fault.ORPHANED if owner is None else Fault.WRONG


def look_up(session: Session, keys: Iterable[Key]) -> dict[Key, Entity]:
    """Look entities up, each once; missing ones are left out."""
    wanted = list(dict.fromkeys(keys))
    found = session.lookup(wanted, WHOLE) if wanted else []
    return {row[0]: row[1] for row in found if row is not None}


def pages_of_rows(session: Session, kind: str, namespace: str, after: Key | None) -> Iterator[list[Entity]]:
    """Yield all entities of a kind after a key, in the order of their keys."""
    return _pages(session, lambda last: Query(kind, namespace, _beyond(last), (Order(KEY),), limit=PAGE), after)


def pages_of_markers(session: Session, low: Key, high: Key, after: Key | None) -> Iterator[list[Entity]]:
    """Yield all markers between two keys and after another, in the order of their keys."""

    def query(last: Key | None) -> Query:
        between = And((Test(KEY, Op.GT, last or low), Test(KEY, Op.LT, high)))
        return Query(MARKERS, low.namespace, between, (Order(KEY),), limit=PAGE)

    return _pages(session, query, after)


def _pages(session: Session, query: Callable[[Key | None], Query], after: Key | None) -> Iterator[list[Entity]]:
    while True:
        page = [row[1] for part in session.run_query(query(after), WHOLE) for row in part.rows]
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].key


def _beyond(key: Key | None) -> Test | None:
    return None if key is None else Test(KEY, Op.GT, key)
