"""What tests of a project on kindstore, of a plugin or of a driver use."""

from __future__ import annotations

from .connection import connection_with
from .rpcs import CapturedRPCs, assertNumRPCs, capture_rpcs

__all__ = ["CapturedRPCs", "assertNumRPCs", "capture_rpcs", "connection_with"]
