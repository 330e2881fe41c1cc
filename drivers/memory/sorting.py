"""Where an entity stands in the results of a query: by the element that the query's inequalities choose from an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.datamodel import KEY, Order, Test
from ...core.datamodel.matching import Conjunction, compile_tests
from ...core.datamodel.ordering import MISSING, Descending, compile_path, is_sortable, sort_key
from .record import Record, reader

Place = tuple[Any, ...]  # one sort key for each order; that of the key is its position
Placed = Callable[[Record], Place | None]


class Sorter:
    """Sorts the results of one branch of a query."""

    def __init__(self, orders: Sequence[Order], branch: Conjunction) -> None:
        """Take orders that contain the key."""
        self.orders = orders
        self.reverse = all(order.descending for order in orders)
        self._mixed = not self.reverse and any(order.descending for order in orders)
        self._parts = [_compile_part(order, branch) for order in orders]

    def place(self, record: Record) -> Place | None:
        """Return where a record stands; None when it lacks a property that the query sorts by, and so is no result."""
        place = tuple([part(record) for part in self._parts])
        return None if None in place else place

    def rank(self, place: Place) -> Any:
        """Return what to sort places by, in reverse if `reverse`."""
        if not self._mixed:
            return place
        return tuple(Descending(key) if order.descending else key for key, order in zip(place, self.orders, strict=True))

    def is_after(self, place: Place, other: Place) -> bool:
        """Say whether a place comes after another."""
        mine, theirs = self.rank(place), self.rank(other)
        return bool(mine < theirs if self.reverse else theirs < mine)


def _compile_part(order: Order, branch: Conjunction) -> Callable[[Record], Any]:
    if order.name == KEY:
        return lambda record: record.position
    tests = [leaf for leaf in branch if isinstance(leaf, Test) and leaf.name == order.name and leaf.op.is_inequality]
    holds = compile_tests(tests) if tests else None
    choose = max if order.descending else min
    read = compile_path(order.name, reader)

    def part(record: Record) -> Any:
        value = read(record)
        if is_sortable(value):
            return sort_key(value)
        if value is MISSING or type(value) is not tuple:
            return None
        elements = (element for element in value if is_sortable(element))
        return choose((sort_key(element) for element in elements if holds is None or holds(element)), default=None)

    return part
