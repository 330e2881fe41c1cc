"""What is refused before it is sent: what the store lacks, and what one of the emulators would let pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.datamodel import KEY, Aggregation, Filter, Mutation, Op, Query, Test
from ...core.datamodel.errors import InvalidRequest, ResourceExhausted, Unsupported
from ...core.datamodel.filters import count_tests, disjunctions, inequality_names, leaves
from ...core.driver import Capabilities, ReadOptions
from .keys import check_namespace

MAX_AGGREGATIONS = 5
# An indexed value takes at least four bytes of an entity's message and two index entries, so smaller entities cannot have too many.
_BYTES_PER_INDEX_ENTRY = 2


def check_read(options: ReadOptions, capabilities: Capabilities) -> None:
    """Refuse a read at a past moment where the store would silently read the latest."""
    if options.read_time is not None and not capabilities.read_time:
        raise Unsupported("This store cannot read at a past moment. Read the latest, without a read_time.")


def check_query(query: Query, options: ReadOptions, capabilities: Capabilities) -> None:
    """Refuse a query that the store cannot answer."""
    check_read(options, capabilities)
    check_namespace(query.namespace)
    if (query.limit is not None and query.limit < 0) or query.offset < 0:
        raise InvalidRequest("The limit and the offset of a query must not be negative.")
    conditions = list(leaves(query.filter))
    tests = [leaf for leaf in conditions if isinstance(leaf, Test)]
    if query.filter is not None:
        _check_disjunctions(query.filter, capabilities)
    _check_exclusions(tests, capabilities)
    _check_inequalities(query, tests, capabilities)
    filters, limit = count_tests(conditions), capabilities.filters_and_orders
    if limit is not None and filters + len(query.orders) > limit:
        raise Unsupported(
            f"A query has {filters} filters, each value of an IN or NOT IN one, and {len(query.orders)} orders; "
            f"the store allows {limit} together. Run several queries, or test some of it on the results."
        )
    if options.transaction and not capabilities.queries_in_transactions and len(tests) == len(conditions):
        raise Unsupported("Inside a transaction this store answers only queries with an ancestor. Add one, or query outside of it.")


def check_aggregations(aggregations: Sequence[Aggregation], capabilities: Capabilities) -> None:
    """Refuse aggregations that the store cannot compute."""
    missing = sorted({a.function for a in aggregations} - capabilities.aggregations)
    if missing:
        raise Unsupported(f"This store cannot compute {', '.join(missing)}. Read the rows, or their keys, and compute it from them.")
    if not 1 <= len(aggregations) <= MAX_AGGREGATIONS:
        raise InvalidRequest(f"One request takes 1 to {MAX_AGGREGATIONS} aggregations, not {len(aggregations)}.")


def check_mutations(mutations: Sequence[Mutation], capabilities: Capabilities) -> None:
    """Refuse a commit that the store would ignore in part, which loses data, or that names an entity twice."""
    limit = capabilities.commit_mutations
    if limit is not None and len(mutations) > limit:
        raise InvalidRequest(f"A commit has {len(mutations)} mutations; the limit is {limit}. Split it.")
    if len({m.key for m in mutations}) < len(mutations):
        raise InvalidRequest("A commit names an entity twice. Merge the mutations of one entity into one.")
    if not capabilities.property_masks and any(m.mask is not None for m in mutations):
        raise Unsupported("This store cannot write only some properties of an entity: it would drop the others. Write the whole entity.")
    if not capabilities.property_transforms and any(m.transforms for m in mutations):
        raise Unsupported("This store cannot transform a property in place. Read the entity, compute the value, and write it.")


def check_sizes(request: Any, mutations: Sequence[Mutation], size: int, capabilities: Capabilities) -> None:
    """Refuse a commit that is too large as a whole, or holds an entity that is. `size` is the request's size in bytes."""
    if size > min(capabilities.entity_bytes, capabilities.property_bytes, capabilities.index_entries * _BYTES_PER_INDEX_ENTRY):
        for message, mutation in zip(request.mutations, mutations, strict=True):
            _check_entity(message, mutation, capabilities)
    if size > capabilities.request_bytes:
        raise ResourceExhausted(f"A commit has {size} bytes; the limit is {capabilities.request_bytes}. Split it.")


def _check_entity(message: Any, mutation: Mutation, capabilities: Capabilities) -> None:
    entity = getattr(message, mutation.verb.value)
    size = message.ByteSize()
    if size > capabilities.property_bytes:
        name, largest = max(((n, v.ByteSize()) for n, v in entity.properties.items()), key=lambda item: item[1], default=("", 0))
        if largest > capabilities.property_bytes:
            raise InvalidRequest(
                f"Property {name!r} of entity {mutation.key} has {largest} bytes; the limit of a property is {capabilities.property_bytes}."
            )
        if entity.ByteSize() > capabilities.entity_bytes:
            raise InvalidRequest(
                f"Entity {mutation.key} has {entity.ByteSize()} bytes, of which its property {name!r} takes {largest}; "
                f"the limit of an entity is {capabilities.entity_bytes}."
            )
    if size > capabilities.index_entries * _BYTES_PER_INDEX_ENTRY:
        entries = 2 * sum(_index_entries(value) for value in entity.properties.values())
        if entries > capabilities.index_entries:
            raise InvalidRequest(
                f"Entity {mutation.key} needs {entries} index entries, two for each indexed value; the store allows "
                f"{capabilities.index_entries}. Exclude properties that nobody queries from the indexes."
            )


def _index_entries(value: Any) -> int:
    if value.exclude_from_indexes:
        return 0
    kind = value.WhichOneof("value_type")
    if kind == "array_value":
        return sum(_index_entries(element) for element in value.array_value.values)
    if kind == "entity_value":
        return sum(_index_entries(inner) for inner in value.entity_value.properties.values())
    return 1


def _check_disjunctions(condition: Filter, capabilities: Capabilities) -> None:
    found = disjunctions(condition)
    if found > capabilities.disjunctions:
        raise Unsupported(
            f"A query has {found} branches once its OR and IN are multiplied out; the store allows {capabilities.disjunctions}. "
            "Run several queries and merge their results."
        )


def _check_exclusions(tests: Sequence[Test], capabilities: Capabilities) -> None:
    exclusions = [t for t in tests if t.op in (Op.NE, Op.NOT_IN)]
    if len(exclusions) > 1:
        raise Unsupported("A query may have only one != or NOT IN. Test the others on the results.")
    for test in exclusions:
        if test.op is Op.NE and not capabilities.not_equal:
            raise Unsupported(f"This store cannot test {test.name!r} for !=. Run a query for less and one for greater.")
        if test.op is Op.NOT_IN and isinstance(test.value, tuple) and len(test.value) > capabilities.not_in_values:
            raise Unsupported(f"{test.name!r} NOT IN has {len(test.value)} values; the store allows {capabilities.not_in_values}.")


def _check_inequalities(query: Query, tests: Sequence[Test], capabilities: Capabilities) -> None:
    names = inequality_names(tests)
    limit = capabilities.inequality_properties
    if limit is not None and len(names) > limit:
        raise Unsupported(
            f"A query has inequalities on {', '.join(names)}; the store allows {limit} such propert{'y' if limit == 1 else 'ies'}."
        )
    if capabilities.inequality_orders_first and names and query.orders and query.orders[0].name != names[0]:
        raise Unsupported(f"A query with an inequality on {names[0]!r} must be ordered by it first, not by {query.orders[0].name!r}.")
    if query.kind is None and any(t.name != KEY for t in tests):
        raise InvalidRequest("A query without a kind can only test __key__ and an ancestor. Name a kind.")
