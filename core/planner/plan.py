"""Plans: plain data that says how rows are read, for the executor to run and for explain() to print."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..datamodel import KEY, Filter, Key, Op, Or, Order, Test, Type
from ..datamodel.filters import property_tests
from ..datamodel.query import And
from ..driver import Capabilities
from ..mapping import ModelMapping
from .fit import fit
from .logic import Truth


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read rows of one kind.

    `keys` are looked up; otherwise each of `branches` is a query (None: every entity of the kind) and their rows are merged. `recheck`
    is evaluated on the rows that come back. `orders` end with the key unless they are empty. `ordered` tells whether each branch comes
    in this order. No keys and no branches: there is no row. `grouped`: the store itself gives one row for each group of `distinct_on`.
    """

    mapping: ModelMapping
    namespace: str
    columns: tuple[str, ...]
    keys: tuple[Key, ...] | None = None
    branches: tuple[Filter | None, ...] = ()
    recheck: Filter | None = None
    orders: tuple[Order, ...] = ()
    ordered: bool = True
    offset: int = 0
    limit: int | None = None
    distinct_on: tuple[str, ...] = ()
    grouped: bool = False
    start_cursor: bytes | None = None
    end_cursor: bytes | None = None

    @property
    def is_empty(self) -> bool:
        return not self.keys and not self.branches

    @property
    def is_one_query(self) -> bool:
        """Whether the store does everything in one query, whose cursors mean a place in the rows."""
        return self.keys is None and len(self.branches) == 1 and self.recheck is None and self.ordered

    @property
    def hidden(self) -> tuple[str, ...]:
        """The columns that are read beyond those wanted, to check, sort and tell rows apart."""
        return tuple(name for name in self._needed() if name not in self.columns)

    def _needed(self) -> dict[str, None]:
        needed: dict[str, None] = {}
        if self.recheck is not None:
            needed.update(dict.fromkeys(test.name for test in property_tests(self.recheck)))
            needed[KEY] = None
        if len(self.branches) > 1:
            needed[KEY] = None
        if not self.grouped:
            needed.update(dict.fromkeys(self.distinct_on))
        if self.orders and (self.keys or len(self.branches) > 1 or not self.ordered):
            needed.update(dict.fromkeys(order.name for order in self.orders))
        return needed


@dataclass(slots=True)  # not frozen: each query makes one, and a frozen one takes three times as long to make
class Request:
    """What is to be read: the rows for which a filter holds (True: all, False: none), in an order, a slice of them."""

    mapping: ModelMapping
    namespace: str
    columns: tuple[str, ...]
    filter: Truth = True
    orders: tuple[Order, ...] = ()
    offset: int = 0
    limit: int | None = None
    distinct_on: tuple[str, ...] = ()
    start_cursor: bytes | None = None
    end_cursor: bytes | None = None


def plan(request: Request, capabilities: Capabilities, budget: int) -> Plan:
    """Choose how to read. Raise TooManyBranches where it takes more than `budget` queries."""
    truth = request.filter
    if truth is False or request.limit == 0:
        return Plan(request.mapping, request.namespace, request.columns, offset=request.offset, limit=request.limit)
    orders = _total(request.orders) if request.orders else ()
    condition = None if truth is True else truth
    keys = None if condition is None else keys_of(condition, request.mapping, request.namespace)
    if keys is not None and not request.distinct_on:
        recheck = None if _only_keys(condition) else condition
        return Plan(
            request.mapping, request.namespace, request.columns, tuple(keys), (), recheck, orders, False, request.offset, request.limit
        )
    fitted = fit(condition, orders, capabilities, budget)
    queried = Plan(
        request.mapping,
        request.namespace,
        request.columns,
        branches=fitted.branches,
        recheck=fitted.recheck,
        orders=orders,
        ordered=fitted.ordered,
        offset=request.offset,
        limit=request.limit,
        distinct_on=request.distinct_on,
        start_cursor=request.start_cursor,
        end_cursor=request.end_cursor,
    )
    return replace(queried, grouped=True, orders=_group_orders(queried)) if request.distinct_on and _groups(queried) else queried


def _groups(plan: Plan) -> bool:
    """Tell whether the store can give one row for each group: by a projection of just the columns that are distinct."""
    if set(plan.columns) != set(plan.distinct_on) or len(plan.branches) != 1 or plan.recheck is not None or not plan.ordered:
        return False
    if any(
        plan.mapping.by_name[name].type in (Type.ANY, Type.ARRAY) or not plan.mapping.by_name[name].indexed for name in plan.distinct_on
    ):
        return False
    found = [] if plan.branches[0] is None else list(property_tests(plan.branches[0]))
    equal = {test.name for test in found if test.op in (Op.EQ, Op.IN)}
    unequal = {test.name for test in found if test.op.is_inequality}
    return not equal & set(plan.distinct_on) and unequal <= set(plan.distinct_on)


def _group_orders(plan: Plan) -> tuple[Order, ...]:
    """Return the orders of a query of groups: every column that is distinct, and no other."""
    given = tuple(order for order in plan.orders if order.name != KEY)
    named = {order.name for order in given}
    return (*given, *(Order(name) for name in plan.distinct_on if name not in named))


def _total(orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """Drop repeated orders and end with the key, so that every store sorts ties alike."""
    unique: dict[str, Order] = {}
    for order in orders:
        unique.setdefault(order.name, order)
        if order.name == KEY:
            break
    if unique:
        unique.setdefault(KEY, Order(KEY))
    return tuple(unique.values())


def keys_of(filter_: Filter, mapping: ModelMapping, namespace: str) -> dict[Key, None] | None:
    """Return the keys that alone can satisfy a filter, in order; None where it does not name them."""
    match filter_:
        case Test(name, Op.EQ, value) if name == KEY:
            return {value: None}  # type: ignore[dict-item]
        case Test(name, Op.IN, values) if name == KEY:
            return dict.fromkeys(values)  # type: ignore[arg-type]
        case And(parts):
            found = [keys for keys in (keys_of(part, mapping, namespace) for part in parts) if keys is not None]
            return _intersection(found + _composite_key(parts, mapping, namespace))
        case Or(parts):
            each = [keys_of(part, mapping, namespace) for part in parts]
            return None if any(keys is None for keys in each) else {key: None for keys in each for key in keys or ()}
        case _:
            return None


def _composite_key(parts: tuple[Filter, ...], mapping: ModelMapping, namespace: str) -> list[dict[Key, None]]:
    """Return the key that equality with each column of a composite primary key names."""
    if not mapping.is_composite:
        return []
    equal = {part.name: part.value for part in parts if isinstance(part, Test) and part.op is Op.EQ}
    names = [column.name for column in mapping.key_columns]
    return [{mapping.key([equal[name] for name in names], namespace): None}] if all(name in equal for name in names) else []


def _intersection(sets: list[dict[Key, None]]) -> dict[Key, None] | None:
    if not sets:
        return None
    return {key: None for key in sets[0] if all(key in other for other in sets[1:])}


def _only_keys(filter_: Filter | None) -> bool:
    """Tell whether a filter names keys and asks nothing else."""
    match filter_:
        case Test(name, op) if name == KEY:
            return op in (Op.EQ, Op.IN)
        case And(parts) | Or(parts):
            return all(_only_keys(part) for part in parts)
        case _:
            return False
