"""Which entries of an index can hold the results of one branch of a query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...core.datamodel import KEY, HasAncestor, Key, Op, Test
from ...core.datamodel.matching import Conjunction
from ...core.datamodel.ordering import path_key, sort_key
from .index import TOP, Entry, Index
from .keys import AFTER, ITSELF, Position
from .table import Table

FEW = 16  # with as few candidates no further index is looked at
_BOUNDING = (Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE)
Bounds = tuple[Entry | None, Entry | None]


@dataclass(frozen=True, slots=True)
class Access:
    """The entries [low, high) of an index; `covered` are the conditions that each of them satisfies."""

    index: Index
    low: Entry | None
    high: Entry | None
    covered: tuple[Test | HasAncestor, ...]
    equal: bool = False  # all entries have one value, so that they are in the order of keys

    def count(self) -> int:
        return self.index.count(self.low, self.high)


def accesses(table: Table, branch: Conjunction, *, by_key: bool = True) -> Iterator[Access]:
    """Yield the ways to a branch's results: by key first, where that is wanted or a condition; each property at most once or twice."""
    keys = [leaf for leaf in branch if isinstance(leaf, HasAncestor) or (leaf.name == KEY and leaf.op in _BOUNDING)]
    low, high = _key_bounds(keys)
    if by_key or keys:
        yield Access(table.index(KEY), low, high, tuple(keys), equal=True)
    tests = [leaf for leaf in branch if isinstance(leaf, Test) and leaf.name != KEY]
    for test in tests:
        if test.op is Op.EQ:
            value = sort_key(test.value)
            yield Access(table.index(test.name), (*value, *_tail(low)), (*value, high or TOP), (test, *keys), equal=True)
    for name in dict.fromkeys(test.name for test in tests if test.op in _BOUNDING and test.op is not Op.EQ):
        yield ordered_access(table, name, branch)


def ordered_access(table: Table, name: str, branch: Conjunction) -> Access:
    """Return the way over a property's index in its order, restricted by the branch's inequalities of it."""
    tests = tuple(leaf for leaf in branch if isinstance(leaf, Test) and leaf.name == name and leaf.op in _BOUNDING and leaf.op is not Op.EQ)
    low: Entry | None = None
    high: Entry | None = None
    for test in tests:
        value = sort_key(test.value)
        bound = (*value, TOP) if test.op in (Op.GT, Op.LE) else value
        if test.op in (Op.GT, Op.GE):
            low = bound if low is None else max(low, bound)
        else:
            high = bound if high is None else min(high, bound)
    return Access(table.index(name), low, high, tests)


def best_access(table: Table, branch: Conjunction) -> tuple[Access, int]:
    """Return the way with the fewest entries, and their number."""
    best: tuple[Access, int] | None = None
    for access in accesses(table, branch):
        count = access.count()
        if best is None or count < best[1]:
            best = access, count
        if best[1] <= FEW:
            break
    assert best is not None
    return best


def uncovered(branch: Conjunction, access: Access) -> Conjunction:
    """Return the conditions of a branch that an access leaves open."""
    covered = set(map(id, access.covered))  # by identity: to Python the tests v = 1 and v = True are equal
    return tuple(leaf for leaf in branch if id(leaf) not in covered)


def _key_bounds(conditions: Sequence[Test | HasAncestor]) -> tuple[Position | None, Position | None]:
    low: Position | None = None
    high: Position | None = None
    for condition in conditions:
        above, below = _key_range(condition)
        low = above if low is None or (above is not None and above > low) else low
        high = below if high is None or (below is not None and below < high) else high
    return low, high


def _key_range(condition: Test | HasAncestor) -> tuple[Position | None, Position | None]:
    key = condition.key if isinstance(condition, HasAncestor) else condition.value
    assert isinstance(key, Key)
    position = path_key(key.path)
    if isinstance(condition, HasAncestor):
        return position, position + AFTER
    return {
        Op.EQ: (position, position + ITSELF),
        Op.GE: (position, None),
        Op.GT: (position + ITSELF, None),
        Op.LT: (None, position),
        Op.LE: (None, position + ITSELF),
    }[condition.op]


def _tail(low: Position | None) -> tuple[Position, ...]:
    return () if low is None else (low,)
