"""The rows as they ought to be, and the laws that they obey: the model that the store is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

_unknown = count(-1, -1)


class Conflict(Exception):
    """An IntegrityError is due."""


class Missing(Exception):
    """A row is named that does not exist."""


@dataclass(frozen=True, slots=True)
class Row:
    """An account, and the customers that own it."""

    name: str
    box: int | None = None
    visits: int = 0
    balance: int = 0
    owners: frozenset[int] = frozenset()


State = Mapping[int, Row]  # by primary key; a negative one stands for one that only the store knows yet
Change = Mapping[int, Row | None]  # None: deleted


class Since(dict[int, Row]):
    """A state that an operation writes to, after it has looked for its rows in an earlier one."""

    def __init__(self, state: State, read: State) -> None:
        super().__init__(state)
        self.read = read


def as_read(state: State) -> State:
    """Return the state that an operation looked for its rows in."""
    return state.read if isinstance(state, Since) else state


def read_pk(state: State, name: str) -> int:
    """Return the primary key of the row that had a name when it was looked for."""
    found = [pk for pk, row in as_read(state).items() if row.name == name]
    if not found:
        raise Missing
    return found[0]


def pk_of(state: State, name: str) -> int:
    """Return the primary key of the row that had a name, if it is still there."""
    pk = read_pk(state, name)
    if pk not in state:
        raise Missing
    return pk


def has(state: State, name: str) -> bool:
    """Tell whether there is a row with a name."""
    return any(row.name == name for row in state.values())


def inserted(state: State, row: Row, pk: int | None = None) -> State:
    """Return the state with one more row."""
    if pk in state:
        raise Conflict
    return _checked({**state, next(_unknown) if pk is None else pk: row})


def updated(state: State, pk: int, **values: Any) -> State:
    """Return the state with other values in one row."""
    return _checked({**state, pk: replace(state[pk], **values)})


def updated_together(state: State, rows: Mapping[int, Row]) -> State:
    """Return the state with other rows, which may give each other their values."""
    return _checked({**state, **rows})


def without(state: State, *pks: int) -> State:
    """Return the state without some rows."""
    return {pk: row for pk, row in state.items() if pk not in pks}


def _checked(state: State) -> State:
    if duplicates(state):
        raise Conflict
    return state


def duplicates(state: State) -> bool:
    """Tell whether rows share a unique value."""
    names = [row.name for row in state.values()]
    boxes = [row.box for row in state.values() if row.box is not None]
    return len(set(names)) < len(names) or len(set(boxes)) < len(boxes)


def difference(before: State, after: State) -> Change:
    """Return what makes one state of another."""
    changed: dict[int, Row | None] = {pk: row for pk, row in after.items() if before.get(pk) != row}
    return {**changed, **dict.fromkeys(before.keys() - after.keys())}


def with_change(state: State, change: Change) -> State:
    """Return a state after a change."""
    rows = {**state, **change}
    return {pk: row for pk, row in rows.items() if row is not None}


def is_same(expected: State, found: State) -> bool:
    """Compare states; a primary key that only the store knows is whatever it is."""
    known = {pk: row for pk, row in expected.items() if pk > 0}
    new = sorted((row.name, repr(row)) for pk, row in expected.items() if pk < 0)
    others = sorted((row.name, repr(row)) for pk, row in found.items() if known.get(pk) != row)
    return known.items() <= found.items() and new == others
