"""Keeps unique what models declare unique: a marker for each value, written in the same commit as its row."""

from __future__ import annotations

from .plugin import ConstraintsPlugin

__all__ = ["ConstraintsPlugin"]
