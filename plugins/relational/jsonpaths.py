"""Keys of JSON objects that SQLite's paths cannot name, those with a double quote: functions in Python read them instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from django.db.models.fields.json import HasKeyLookup, KeyTransform
from django.db.models.lookups import Lookup

PREFIX = "KINDSTORE_"
_FUNCTION = re.compile(r"(?<![A-Z_])JSON_(TYPE|EXTRACT)\(")
_STEP = re.compile(r'\.("(?:[^"\\]|\\.)*")|\[(\d+)\]')
_TYPES: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: str(value).lower(),
    int: lambda _: "integer",
    float: lambda _: "real",
    str: lambda _: "text",
    list: lambda _: "array",
    dict: lambda _: "object",
}
_ABSENT = object()


def names_a_quote(node: Any) -> bool:
    """Tell whether a lookup or a transform names a key with a double quote."""
    return any(isinstance(key, str) and '"' in key for key in _keys(node))


def of_python(sql: str) -> str:
    """Return SQL that calls the functions of this module for each of SQLite's."""
    return _FUNCTION.sub(rf"{PREFIX}JSON_\1(", sql)


def json_type(text: Any, path: str) -> str | None:
    """Return what SQLite calls the type of the value at a path, None where there is no value."""
    value = _at(text, path)
    return None if value is _ABSENT else _TYPES[type(value)](value)


def json_extract(text: Any, path: str) -> Any:
    """Return the value at a path as SQLite does: an array or an object as JSON; None where there is no value."""
    value = _at(text, path)
    if value is _ABSENT:
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if isinstance(value, (list, dict)) else value


def _at(text: Any, path: str) -> Any:
    value = _ABSENT if text is None else json.loads(text)
    for step in _steps(path):
        if isinstance(step, str):
            value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else _ABSENT
    return value


@lru_cache(maxsize=500)
def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(json.loads(key) if key else int(index) for key, index in _STEP.findall(path))


def _keys(node: Any) -> Iterator[Any]:
    if isinstance(node, HasKeyLookup):
        yield from node.rhs if isinstance(node.rhs, (list, tuple)) else (node.rhs,)
    node = node.lhs if isinstance(node, Lookup) else node
    while isinstance(node, KeyTransform):
        yield node.key_name
        node = node.lhs
