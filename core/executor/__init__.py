"""Runs plans: by keys, by one query, by several whose rows are merged, and by aggregation."""

from __future__ import annotations

from .counting import aggregate, count
from .reading import read, read_one

__all__ = ["aggregate", "count", "read", "read_one"]
