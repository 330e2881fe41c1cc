"""Keys of JSON objects that SQLite's paths cannot name, so that it would find nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models.fields.json import HasKeyLookup, KeyTransform
from django.db.models.lookups import Lookup
from django.db.utils import NotSupportedError


def check_keys(node: Any) -> None:
    """Raise NotSupportedError for a lookup or a transform by a key with a double quote."""
    for key in _keys(node):
        if isinstance(key, str) and '"' in key:
            raise NotSupportedError(
                f"A query that the store cannot run by itself names the key {key!r} of a JSON field, and SQLite's paths know no key with a "
                "double quote. Load the rows, and compare the values in Python."
            )


def _keys(node: Any) -> Iterator[Any]:
    if isinstance(node, HasKeyLookup):
        yield from node.rhs if isinstance(node.rhs, (list, tuple)) else (node.rhs,)
    node = node.lhs if isinstance(node, Lookup) else node
    while isinstance(node, KeyTransform):
        yield node.key_name
        node = node.lhs
