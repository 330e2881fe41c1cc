"""Pairs what a lookup found with the keys that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.datamodel import Key
from .keys import Home, complete_key


def keys_of(found: Sequence[Any], keys: Sequence[Key], asked: Sequence[Any], home: Home) -> list[Key]:
    """Return the key of each result. `asked` are the messages of `keys`.

    Results come in the order of the request, though nobody promises it: comparing messages is cheaper than reading each key again.
    """
    names: list[Key] = []
    position, end = 0, len(keys)
    for result in found:
        key = result.entity.key
        while position < end and asked[position] != key:
            position += 1
        if position < end:
            names.append(keys[position])
        else:
            names.append(complete_key(key, home))
    return names
