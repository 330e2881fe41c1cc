"""Checks a query as the store checks it, and makes explicit what it leaves implicit: branches and sort orders."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.datamodel import KEY, And, Filter, HasAncestor, Key, Op, Or, Order, Query, Test, Value
from ...core.datamodel.errors import InvalidRequest
from ...core.datamodel.filters import count_tests, disjunctions, has_or, inequality_names, leaves
from ...core.datamodel.matching import Conjunction, normal_form
from ...core.driver import Capabilities
from .abilities import check_order_of_inequality
from .keys import check_key, check_name, check_namespace
from .limits import check_filter_value


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that is valid: its branches, and its sort orders with the implicit ones; they end with the key."""

    query: Query
    branches: tuple[Conjunction, ...]
    orders: tuple[Order, ...]

    @property
    def plain(self) -> bool:
        """Whether each entity gives at most one result."""
        return not self.query.projection and not self.query.distinct_on


def prepare(query: Query, limits: Capabilities, aggregated: tuple[str, ...] = ()) -> Prepared:
    """Check a query, or raise InvalidRequest with the store's reason.

    Like the projected properties, those to be `aggregated` are needed in an entity, and sorted by before the key.
    """
    if query.kind is not None:
        check_name(query.kind, "kind", limits.indexed_bytes)
    check_namespace(query.namespace)
    _check_slice(query)
    if query.filter is None and query.kind is not None:
        _check_orders(query, 0, limits)
        _check_projection(query, [])
        return Prepared(query, ((),), _complete_orders(query, [], (*query.projection, *aggregated)))
    conditions = list(leaves(query.filter))
    tests = [leaf for leaf in conditions if isinstance(leaf, Test)]
    filter = None if query.filter is None else _checked(query.filter, query, limits)  # noqa: A001
    _check_operators(query, tests, limits)
    _check_ancestors(query, [leaf.key for leaf in conditions if isinstance(leaf, HasAncestor)])
    _check_orders(query, count_tests(conditions), limits)
    check_order_of_inequality(query, tests, limits)
    _check_kindless(query, tests)
    _check_projection(query, tests)
    if filter is not None and disjunctions(filter) > limits.disjunctions:
        raise InvalidRequest(
            f"The filter has {disjunctions(filter)} disjunctions in its normal form; the store allows {limits.disjunctions}. "
            "Split the query into several."
        )
    branches = [()] if filter is None else normal_form(filter, split_in=True)
    return Prepared(query, tuple(branches), _complete_orders(query, tests, (*query.projection, *aggregated)))


def _checked(filter: Filter, query: Query, limits: Capabilities) -> Filter:  # noqa: A002
    """Return a filter with its values as they are compared."""
    match filter:
        case Test():
            return _checked_test(filter, query, limits)
        case HasAncestor(key):
            check_key(key, limits.indexed_bytes)
            _check_partition(key, query)
            return filter
        case And(parts) | Or(parts):
            if not parts:
                raise InvalidRequest("A composite filter has no part; it needs at least one.")
            return type(filter)(tuple(_checked(part, query, limits) for part in parts))


def _checked_test(test: Test, query: Query, limits: Capabilities) -> Test:
    if test.op not in (Op.IN, Op.NOT_IN):
        return Test(test.name, test.op, _checked_value(test.name, test.value, query, limits))
    most = limits.not_in_values if test.op is Op.NOT_IN else limits.disjunctions
    values = test.value if isinstance(test.value, (tuple, list)) else ()
    if not values:
        raise InvalidRequest(f"The filter on {test.name!r} gives {test.op.value} no values; it needs at least one.")
    if len(values) > most:
        raise InvalidRequest(f"The filter on {test.name!r} gives {test.op.value} {len(values)} values; the store allows {most}.")
    return Test(test.name, test.op, tuple(_checked_value(test.name, value, query, limits) for value in values))


def _checked_value(name: str, value: Value, query: Query, limits: Capabilities) -> Value:
    value = check_filter_value(value, name, limits)
    if name == KEY:
        if not isinstance(value, Key):
            raise InvalidRequest(f"The filter on {KEY} compares with a {type(value).__name__}; it takes a Key.")
        check_key(value, limits.indexed_bytes)
        _check_partition(value, query)
    return value


def _check_partition(key: Key, query: Query) -> None:
    if key.namespace != query.namespace:
        raise InvalidRequest(f"The query's namespace is {query.namespace!r}, but its filter names a key in {key.namespace!r}.")


def _check_slice(query: Query) -> None:
    if query.offset < 0 or (query.limit is not None and query.limit < 0):
        raise InvalidRequest(f"The query has the limit {query.limit} and the offset {query.offset}; neither can be negative.")


def _check_operators(query: Query, tests: list[Test], limits: Capabilities) -> None:
    if len(tests) <= 1 and not (tests and tests[0].op in (Op.NE, Op.NOT_IN)):
        return
    excluding = sum(test.op in (Op.NE, Op.NOT_IN) for test in tests)
    if excluding > 1:
        raise InvalidRequest("The query has more than one '!=' or NOT IN; the store allows one.")
    if excluding and not limits.not_equal:
        raise InvalidRequest("The query has a '!=' or NOT IN, which this store does not have.")
    if any(test.op is Op.NOT_IN for test in tests) and (has_or(query.filter) or any(test.op is Op.IN for test in tests)):
        raise InvalidRequest("The query has a NOT IN together with an IN or OR, which the store refuses; split it.")
    unequal = inequality_names(tests)
    if limits.inequality_properties is not None and len(unequal) > limits.inequality_properties:
        raise InvalidRequest(f"The query has inequalities on {len(unequal)} properties; the store allows {limits.inequality_properties}.")


def _check_ancestors(query: Query, ancestors: list[Key]) -> None:
    if len(set(ancestors)) > 1 or (ancestors and _ancestor_below_or(query.filter)):
        raise InvalidRequest("All branches of a query must have one common ancestor; put a single HasAncestor outside of any OR.")


def _ancestor_below_or(filter: Filter | None, *, below: bool = False) -> bool:  # noqa: A002
    if isinstance(filter, (And, Or)):
        return any(_ancestor_below_or(part, below=below or isinstance(filter, Or)) for part in filter.parts)
    return below and isinstance(filter, HasAncestor)


def _check_orders(query: Query, filters: int, limits: Capabilities) -> None:
    if not query.orders and filters <= 1:
        return
    names = [order.name for order in query.orders]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"The query sorts by {twice!r} twice; name it once.")
    if limits.filters_and_orders is not None and filters + len(names) > limits.filters_and_orders:
        raise InvalidRequest(f"The query has {filters + len(names)} filters and sort orders; the store allows {limits.filters_and_orders}.")


def _check_kindless(query: Query, tests: list[Test]) -> None:
    if query.kind is not None:
        return
    named = next((test.name for test in tests if test.name != KEY), None)
    if named is not None:
        raise InvalidRequest(f"The query has no kind but filters on {named!r}; without a kind only {KEY} can be filtered.")
    if query.projection or query.distinct_on or any(order.name != KEY or order.descending for order in query.orders):
        raise InvalidRequest(f"The query has no kind but sorts or projects; without a kind it can only sort by {KEY} ascending.")


def _check_projection(query: Query, tests: list[Test]) -> None:
    if not query.projection and not query.distinct_on:
        return
    if len(set(query.projection)) < len(query.projection):
        raise InvalidRequest("The query projects a property twice; name it once.")
    equal = {test.name for test in tests if not test.op.is_inequality}
    for name in query.projection:
        if name in equal:
            raise InvalidRequest(f"The query projects {name!r} and filters it by equality, which the store refuses; drop one of them.")
    groups, first = set(query.distinct_on), {order.name for order in query.orders[: len(query.distinct_on)]}
    if query.orders and not (groups <= first or {order.name for order in query.orders} <= groups):
        raise InvalidRequest("The properties that the query is distinct on must come first in its sort orders.")


def _complete_orders(query: Query, tests: list[Test], needed: tuple[str, ...]) -> tuple[Order, ...]:
    orders = {order.name: order for order in query.orders}
    descending = bool(query.orders) and query.orders[-1].descending
    unequal = set(inequality_names(tests))
    by_key = (KEY,) if KEY in unequal else ()
    for name in (*query.distinct_on, *sorted(unequal - {KEY}), *by_key, *needed, KEY):
        if name not in orders:
            orders[name] = Order(name, descending)
    return tuple(orders.values())
