"""Between models and entities: compiled once per model, field by field."""

from __future__ import annotations

from .columns import ColumnMapping
from .model import ModelMapping, mapping_of

__all__ = ["ColumnMapping", "ModelMapping", "mapping_of"]
