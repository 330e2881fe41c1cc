"""Keeps values unique: markers are written in the same commit as the rows."""

from __future__ import annotations
