"""Keeps a fork and RPCs apart.

gRPC prepares itself for a fork only while no thread is in it; a child that is forked while one is hangs at its first RPC. So a fork waits
until the RPCs that are in flight have ended, and lets none begin meanwhile, in the parent and in the child alike until it is done.
"""

from __future__ import annotations

import os
import threading


class Gate:
    """What RPCs pass through, in a `with` block, and what a fork closes; threads may share it."""

    def __init__(self, patience: float = 10.0) -> None:
        """`patience` is how many seconds a fork waits at most: a child of a long RPC may hang, but a fork must not."""
        self._patience = patience
        self._inside = self._closings = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            while self._closings:
                self._changed.wait()
            self._inside += 1

    def __exit__(self, *_error: object) -> None:
        with self._changed:
            self._inside = max(0, self._inside - 1)  # a child of a fork in here, by a signal's handler, counts from 0
            if self._closings:
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more, and wait until nobody is inside; the lock is held until the gate is opened."""
        self._changed.acquire()
        self._closings += 1
        self._changed.wait_for(lambda: not self._inside, self._patience)

    def open(self) -> None:
        """Let everybody in again, unless another thread is about to fork."""
        self._closings -= 1
        self._changed.notify_all()
        self._changed.release()

    def open_in_child(self) -> None:
        """Begin anew: whoever was inside, or waited, is no thread of this process."""
        self._changed = threading.Condition()
        self._inside = self._closings = 0


RPCS = Gate()
os.register_at_fork(before=RPCS.close, after_in_parent=RPCS.open, after_in_child=RPCS.open_in_child)
