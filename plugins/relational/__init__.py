"""Runs what the store cannot: joins, groups, functions and whatever else Django's ORM can say, over rows that are fetched for the query."""

from __future__ import annotations

from .plugin import RelationalPlugin

__all__ = ["RelationalPlugin"]
