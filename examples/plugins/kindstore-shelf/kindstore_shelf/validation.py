"""What a shelf refuses: what its capabilities do not promise, and what no store of this kind takes."""

from __future__ import annotations

from collections.abc import Sequence

from kindstore.core.datamodel import KEY, HasAncestor, Key, Mutation, Op, Query, Test, Verb
from kindstore.core.datamodel.errors import InvalidRequest, ResourceExhausted, Unsupported
from kindstore.core.datamodel.filters import has_or, inequality_names, leaves
from kindstore.core.driver import Capabilities

from .limits import check_entity, check_keys, check_name, check_namespace, check_value

SINGLE = frozenset((Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE))


def check_mutations(mutations: Sequence[Mutation], limits: Capabilities) -> None:
    """Refuse a commit that names an entity twice, or asks for more than a whole entity's write."""
    check_keys((mutation.key for mutation in mutations), limits)
    if len({mutation.key for mutation in mutations}) < len(mutations):
        raise InvalidRequest("A commit names an entity twice. Merge the two mutations.")
    size = 0
    for mutation in mutations:
        if mutation.mask is not None or mutation.transforms:
            raise Unsupported(f"The mutation of {mutation.key} has a mask or transforms; a shelf writes whole entities only.")
        if mutation.entity is not None:
            size += check_entity(mutation.key, mutation.entity, limits)
        elif mutation.verb is not Verb.DELETE:
            raise InvalidRequest(f"The {mutation.verb.value} of {mutation.key} has no entity. Give one.")
    if size > limits.request_bytes:
        raise ResourceExhausted(f"The commit has {size} bytes; the limit is {limits.request_bytes}. Split it.")


def check_query(query: Query, limits: Capabilities) -> list[str]:
    """Refuse a query that a shelf does not have, and return the properties of its inequalities."""
    check_namespace(query.namespace)
    if query.kind is not None:
        check_name("The kind of a query", query.kind, limits)
    if query.offset < 0 or (query.limit or 0) < 0:
        raise InvalidRequest(f"The query has the offset {query.offset} and the limit {query.limit}. Neither may be negative.")
    if has_or(query.filter):
        raise Unsupported("The filter has an OR, which a shelf does not have. Run a query for each branch.")
    conditions = list(leaves(query.filter))
    ancestors = {leaf.key for leaf in conditions if isinstance(leaf, HasAncestor)}
    if len(ancestors) > 1:
        raise InvalidRequest("The query has two ancestors. Name one.")
    check_keys(ancestors, limits)
    for key in (*ancestors, *(leaf.value for leaf in conditions if isinstance(leaf, Test) and leaf.name == KEY)):
        if isinstance(key, Key) and key.namespace != query.namespace:
            raise InvalidRequest(f"The query names {key}, which is in another namespace than the query.")
    tests = [leaf for leaf in conditions if isinstance(leaf, Test)]
    for test in tests:
        _check_test(test, query, limits)
    return _check_inequalities(query, sorted(inequality_names(tests)))


def _check_test(test: Test, query: Query, limits: Capabilities) -> None:
    single = test.op is Op.IN and isinstance(test.value, tuple) and len(test.value) == 1
    if test.op not in SINGLE and not single:
        raise Unsupported(f"The filter on {test.name} has the operator {test.op.value}, which a shelf does not have. Split the query.")
    if test.op in SINGLE and isinstance(test.value, tuple):
        raise InvalidRequest(f"The filter on {test.name} compares with an array. Compare with an element of it.")
    check_value(f"The filter on {test.name}", test.value, limits)
    if query.kind is None and test.name != KEY:
        raise InvalidRequest(f"A query without a kind filters on {test.name}. Name the kind.")


def _check_inequalities(query: Query, names: list[str]) -> list[str]:
    if len(names) > 1:
        raise Unsupported(f"The query has inequalities on {' and '.join(names)}; a shelf has one. Filter the rest yourself.")
    if names and query.orders and query.orders[0].name != names[0]:
        raise Unsupported(f"The query has an inequality on {names[0]}, which must be its first sort order. Sort yourself.")
    return names
