"""What is said to the keeper of unique values when a table changes or is audited, and what it answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .datamodel import Key


class UniqueValues(Protocol):
    """A unique constraint of a table. `columns` are all that it depends on; `identity` is its own among those of the table."""

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def identity(self) -> str: ...


class Position(Protocol):
    """How far the rows of a table have been gone through, in the order of their keys: kept where an interrupted run finds it again."""

    @property
    def after(self) -> Key | None:
        """The last row that is done; None at the beginning."""
        ...

    def reached(self, key: Key) -> None:
        """Keep that the rows up to this one are done."""
        ...


class Action(Enum):
    """What an audit does about what it finds."""

    CHECK = "check"  # nothing
    REPAIR = "repair"  # make every row own its markers, and delete those that nobody owns
    CLEAN = "clean"  # delete those that nobody owns


@dataclass(slots=True)
class Audit:
    """How far an audit of a table has come. `found` counts the faults, by name, and `settled` those that were put right."""

    subject: str
    resumed: bool = False
    finished: bool = False
    rows: int = 0
    markers: int = 0
    found: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)  # what was found since the audit was told of before, in words

    @property
    def remaining(self) -> int:
        """How many faults are left."""
        return self.found.total() - self.settled.total()
