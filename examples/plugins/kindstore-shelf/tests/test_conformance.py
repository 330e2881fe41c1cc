"""The driver passes the suite that every driver passes."""

from __future__ import annotations

from kindstore.testing.conformance import DriverConformance


class TestShelf(DriverConformance):
    """Runs the suite on the fixture `driver`."""
