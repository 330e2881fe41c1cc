"""Entities and the values that their properties hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Union

from .key import Key

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A point on the earth: latitude -90..90 and longitude -180..180, in degrees."""

    latitude: float
    longitude: float


# A timestamp is an aware datetime in UTC with microseconds; an array is a tuple; an embedded entity is an Entity (its key may be None).
Value = Union[None, bool, int, float, str, bytes, datetime, GeoPoint, Key, tuple["Value", ...], "Entity"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A stored entity. It is immutable, its properties too: stores and caches share it without copying.

    `unindexed` names the properties that no index covers (of an array: each of its elements). `version` is the store's, 0 where it is
    unknown.
    """

    key: Key | None
    properties: Mapping[str, Value]
    unindexed: frozenset[str] = frozenset()
    version: int = 0
