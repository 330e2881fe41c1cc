"""What a shelf refuses: what its capabilities do not promise, and what no store of this kind takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kindstore.core.datamodel import KEY, And, Entity, Filter, HasAncestor, Key, Mutation, Op, Or, Query, Test, Verb
from kindstore.core.datamodel.errors import InvalidRequest, ResourceExhausted, Unsupported
from kindstore.core.driver import Capabilities

SINGLE = frozenset((Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE))


def check_keys(keys: Iterable[Key], limits: Capabilities) -> None:
    """Refuse a key that cannot be."""
    for key in keys:
        for kind, ident in key.path:
            _check_name(key, kind, limits)
            if ident == 0:
                raise InvalidRequest(f"Key {key} has the id 0, which stands for none. Give another.")
            if isinstance(ident, str):
                _check_name(key, ident, limits)


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
            size += _check_entity(mutation.key, mutation.entity, limits)
        elif mutation.verb is not Verb.DELETE:
            raise InvalidRequest(f"The {mutation.verb.value} of {mutation.key} has no entity. Give one.")
    if size > limits.request_bytes:
        raise ResourceExhausted(f"The commit has {size} bytes; the limit is {limits.request_bytes}. Split it.")


def check_query(query: Query, limits: Capabilities) -> list[str]:
    """Refuse a query that a shelf does not have, and return the properties of its inequalities."""
    if query.start_cursor is not None or query.end_cursor is not None:
        raise Unsupported("A shelf has no cursors. Use the offset.")
    if query.offset < 0 or (query.limit or 0) < 0:
        raise InvalidRequest(f"The query has the offset {query.offset} and the limit {query.limit}. Neither may be negative.")
    tests = list(_tests(query.filter)) if query.filter is not None else []
    for test in tests:
        if test.op not in SINGLE and not (test.op is Op.IN and isinstance(test.value, tuple) and len(test.value) == 1):
            raise Unsupported(f"The filter on {test.name} has the operator {test.op.value}, which a shelf does not have. Split the query.")
        _check_value(test.name, test.value, limits)
        if query.kind is None and test.name != KEY:
            raise InvalidRequest(f"A query without a kind filters on {test.name}. Name the kind.")
    inequalities = sorted({test.name for test in tests if test.op.is_inequality})
    if len(inequalities) > 1:
        raise Unsupported(f"The query has inequalities on {' and '.join(inequalities)}; a shelf has one. Filter the rest yourself.")
    if inequalities and query.orders and query.orders[0].name != inequalities[0]:
        raise Unsupported(f"The query has an inequality on {inequalities[0]}, which must be its first sort order. Sort yourself.")
    return inequalities


def _tests(part: Filter) -> Iterator[Test]:
    match part:
        case Test():
            yield part
        case And(parts):
            for each in parts:
                yield from _tests(each)
        case HasAncestor():
            return
        case Or():
            raise Unsupported("The filter has an OR, which a shelf does not have. Run a query for each branch.")


def _check_entity(key: Key, entity: Entity, limits: Capabilities) -> int:
    size = 0
    for name, value in entity.properties.items():
        _check_name(key, name, limits)
        size += len(name) + _check_value(f"{name!r} of {key}", value, limits, indexed=name not in entity.unindexed)
    if size > limits.entity_bytes:
        raise InvalidRequest(f"Entity {key} has {size} bytes; the limit is {limits.entity_bytes}. Split it.")
    return size


def _check_name(key: Key, name: str, limits: Capabilities) -> None:
    size = len(_encode(f"a name in {key}", name))
    if not 0 < size <= limits.indexed_bytes:
        raise InvalidRequest(f"A name in {key} has {size} bytes; it must have 1 to {limits.indexed_bytes}.")
    if name.startswith("__") and name.endswith("__"):
        raise InvalidRequest(f"{name!r} in {key} begins and ends with two underscores, which is reserved. Choose another name.")


def _check_value(where: str, value: Any, limits: Capabilities, *, indexed: bool = True) -> int:
    """Refuse a value beyond a limit, and return its size in bytes."""
    if isinstance(value, (tuple, list)):
        return sum(_check_value(where, each, limits, indexed=indexed) for each in value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidRequest(f"{where} is {value}, which does not fit into 64 bits. Store it as a string.")
    if isinstance(value, Entity):
        parts = value.properties.items()
        return sum(_check_value(where, each, limits, indexed=indexed and name not in value.unindexed) for name, each in parts)
    if not isinstance(value, (str, bytes)):
        return 8
    size = len(value) if isinstance(value, bytes) else len(_encode(where, value))
    if indexed and size > limits.indexed_bytes:
        raise InvalidRequest(f"{where} has {size} bytes; an indexed value may have {limits.indexed_bytes}. Do not index it.")
    return size


def _encode(where: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{where} holds a surrogate, which is no text. Remove it.") from error
