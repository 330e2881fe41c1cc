"""The neutral values that cross the driver seam: they know neither Django's models nor a store's wire format."""

from __future__ import annotations

from .aggregation import Aggregation
from .entity import Entity, GeoPoint, Value
from .key import Key
from .mutation import Mutation, MutationResult, Transform, Verb
from .query import And, Filter, HasAncestor, Op, Or, Order, Query, Test
from .shape import ENTITY, ID, KEY, VERSION, Column, Page, Row, Shape, Type, UnexpectedType

__all__ = [
    "ENTITY",
    "ID",
    "KEY",
    "VERSION",
    "Aggregation",
    "And",
    "Column",
    "Entity",
    "Filter",
    "GeoPoint",
    "HasAncestor",
    "Key",
    "Mutation",
    "MutationResult",
    "Op",
    "Or",
    "Order",
    "Page",
    "Query",
    "Row",
    "Shape",
    "Test",
    "Transform",
    "Type",
    "UnexpectedType",
    "Value",
    "Verb",
]
