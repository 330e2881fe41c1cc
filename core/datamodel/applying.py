"""Computes what a mutation makes of an entity, exactly as the store does: preconditions, masks and transforms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .entity import INT_MAX, INT_MIN, Entity, Value
from .errors import AlreadyExists, InvalidRequest, NotFound, VersionConflict
from .mutation import Mutation, Transform, Verb
from .ordering import sort_key

Content = Callable[[], tuple[Mapping[str, Value], frozenset[str]]]  # reads an entity's properties and the names of the unindexed ones
Outcome = tuple[Mapping[str, Value], frozenset[str], tuple[Value, ...]]  # properties, unindexed names, results of transforms
_EMPTY = Entity(None, {})


def check_preconditions(mutation: Mutation, version: int | None) -> None:
    """Raise what the store raises when an entity is not as a mutation requires; `version` is the one it has, None where it is missing."""
    key, verb, exists = mutation.key, mutation.verb, version is not None
    if verb is Verb.INSERT and exists:
        raise AlreadyExists(f"Entity {key} already exists, so it cannot be inserted.", key)
    if verb is Verb.UPDATE and not exists:
        raise NotFound(f"Entity {key} does not exist, so it cannot be updated.", key)
    if mutation.base_version is not None and mutation.base_version != (version or 0):
        raise VersionConflict(
            f"Entity {key} has the version {version or 0}, not {mutation.base_version} as the write requires: somebody else changed it. "
            "Read it again, and retry."
        )


def check_form(mutation: Mutation) -> None:
    """Raise InvalidRequest for a mutation that makes no sense."""
    if mutation.verb is Verb.DELETE:
        if mutation.mask or mutation.transforms:
            raise InvalidRequest(f"The deletion of {mutation.key} has a mask or transforms; a deletion takes none.")
    elif mutation.entity is None and mutation.mask is None and not mutation.transforms:
        raise InvalidRequest(f"The {mutation.verb.value} of {mutation.key} has no entity.")
    if mutation.verb is Verb.INSERT and mutation.mask is not None:
        raise InvalidRequest(f"The insert of {mutation.key} has a property mask; only an update or upsert takes one.")


def outcome(mutation: Mutation, current: Content | None) -> Outcome:
    """Return what an entity becomes by an insert, update or upsert; `current` is None for a missing one."""
    entity = mutation.entity or _EMPTY
    if mutation.mask is None and not mutation.transforms:
        return entity.properties, frozenset(entity.unindexed), ()
    whole = mutation.mask is None and mutation.entity is not None
    properties: dict[str, Value] = dict(entity.properties) if whole or (current is None and mutation.mask is None) else {}
    unindexed = set(entity.unindexed)
    if not whole:
        held, names = ({}, frozenset()) if current is None else current()
        properties, unindexed = dict(held), set(names)
        for name in mutation.mask or ():
            _write_masked(properties, unindexed, entity, name)
    results = tuple(_transform(properties, change) for change in mutation.transforms)
    unindexed |= {change.name for change in mutation.transforms if change.name in entity.unindexed}
    return properties, frozenset(unindexed), results


def _write_masked(properties: dict[str, Value], unindexed: set[str], entity: Entity, name: str) -> None:
    head, dot, rest = name.partition(".")
    if dot and name not in properties and name not in entity.properties and isinstance(properties.get(head), Entity):
        _write_within(properties, entity, head, rest)
        return
    unindexed.discard(name)
    if name not in entity.properties:
        properties.pop(name, None)
        return
    properties[name] = entity.properties[name]
    if name in entity.unindexed:
        unindexed.add(name)


def _write_within(properties: dict[str, Value], entity: Entity, head: str, rest: str) -> None:
    old, given = properties[head], entity.properties.get(head)
    assert isinstance(old, Entity)
    inner, names = dict(old.properties), set(old.unindexed)
    _write_masked(inner, names, given if isinstance(given, Entity) else _EMPTY, rest)
    properties[head] = Entity(old.key, inner, frozenset(names))


def _transform(properties: dict[str, Value], change: Transform) -> Value:
    if change.kind not in _TRANSFORMS:
        choices = ", ".join(_TRANSFORMS)
        raise InvalidRequest(f"The transform {change.kind!r} of property {change.name!r} is unknown; choose one of {choices}.")
    value, result = _TRANSFORMS[change.kind](properties.get(change.name), change)
    properties[change.name] = value
    return result


def _increment(current: Value, change: Transform) -> tuple[Value, Value]:
    operand = _number(change)
    if not _is_number(current):
        return operand, operand
    total: int | float = current + operand  # type: ignore[operator]
    if type(total) is int:
        total = min(max(total, INT_MIN), INT_MAX)
    return total, total


def _extreme(better: Callable[[Any, Any], bool]) -> Callable[[Value, Transform], tuple[Value, Value]]:
    def transform(current: Value, change: Transform) -> tuple[Value, Value]:
        operand = _number(change)
        value = operand if not _is_number(current) or better(operand, current) or operand != operand else current
        return value, value

    return transform


def _append_missing(current: Value, change: Transform) -> tuple[Value, Value]:
    elements = list(current) if isinstance(current, tuple) else []
    known = set(map(_identity, elements))
    for element in _elements(change):
        if _identity(element) not in known:
            known.add(_identity(element))
            elements.append(element)
    return tuple(elements), None


def _remove_all(current: Value, change: Transform) -> tuple[Value, Value]:
    gone = set(map(_identity, _elements(change)))
    return tuple(element for element in (current if isinstance(current, tuple) else ()) if _identity(element) not in gone), None


def _identity(value: Value) -> Any:
    return ("number", value) if _is_number(value) and value == value else sort_key(value)  # arrays take 3 and 3.0 for the same


def _is_number(value: Value) -> bool:
    return type(value) is int or type(value) is float


def _number(change: Transform) -> int | float:
    if not _is_number(change.value):
        raise InvalidRequest(f"The {change.kind} of property {change.name!r} takes a number, not {change.value!r}.")
    if type(change.value) is int and not INT_MIN <= change.value <= INT_MAX:
        raise InvalidRequest(f"The {change.kind} of property {change.name!r} takes a number of 64 bits, not {change.value}.")
    return change.value  # type: ignore[return-value]


def _elements(change: Transform) -> Sequence[Value]:
    return change.value if isinstance(change.value, tuple) else (change.value,)


_TRANSFORMS: dict[str, Callable[[Value, Transform], tuple[Value, Value]]] = {
    "increment": _increment,
    "maximum": _extreme(lambda operand, current: operand > current),
    "minimum": _extreme(lambda operand, current: operand < current),
    "append_missing": _append_missing,
    "remove_all": _remove_all,
}
