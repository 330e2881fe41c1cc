"""Counts the RPCs that a block of a test sends."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from ..core.driver import RPC
from ..core.planner.explain import describe_rpc


class CapturedRPCs(list[RPC]):
    """The RPCs of a block, in the order in which they ended."""

    def rpc(self, alias: str, rpc: RPC) -> None:  # noqa: ARG002 - a plugin's observer
        self.append(rpc)

    def emulated(self, alias: str, description: str, rows: int) -> None:
        """Pass over what the residual engine did: its RPCs are told one by one."""

    @property
    def methods(self) -> list[str]:
        """The names of the RPCs, such as "Lookup" and "Commit"."""
        return [rpc.method for rpc in self]

    @property
    def texts(self) -> list[str]:
        """What each asked for, in words."""
        return [describe_rpc(rpc) for rpc in self]

    def __str__(self) -> str:
        return "\n".join(f"{number}. {text}" for number, text in enumerate(self.texts, 1)) or "(none)"


@contextmanager
def capture_rpcs(using: str = DEFAULT_DB_ALIAS) -> Iterator[CapturedRPCs]:
    """Give the list that this thread's RPCs on an alias are added to while the block runs."""
    connection: Any = connections[using]
    session, captured = connection.session, CapturedRPCs()
    session.observers = (*session.observers, captured)
    try:
        yield captured
    finally:
        session.observers = tuple(observer for observer in session.observers if observer is not captured)
    if connection.connection is not session:
        raise AssertionError(
            f"The connection {using!r} was closed inside capture_rpcs(), so not all RPCs were seen. Capture a smaller block."
        )


@contextmanager
def assertNumRPCs(num: int, using: str = DEFAULT_DB_ALIAS, methods: Collection[str] | None = None) -> Iterator[CapturedRPCs]:  # noqa: N802
    """Assert that the block sends `num` RPCs on an alias; `methods` names those that count, None all of them.

    AssertionError lists the RPCs that there were.
    """
    with capture_rpcs(using) as captured:
        yield captured
    counted = CapturedRPCs(rpc for rpc in captured if methods is None or rpc.method in methods)
    if len(counted) != num:
        raise AssertionError(f"{len(counted)} RPCs were sent, {num} expected. They were:\n{counted}")
