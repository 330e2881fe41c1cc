"""The stores of this process, one for each NAME, and what becomes of them in a forked child."""

from __future__ import annotations

import os
import threading

from ...core.driver import Capabilities
from .store import Store

IN_MEMORY = ":memory:"
_stores: dict[str, Store] = {}
_users: dict[str, set[int]] = {}  # the drivers that have a store open
_lock = threading.Lock()


def canonical(name: str) -> str:
    """Return what names one store: a file's absolute path, or the name itself of one in memory ("" is ":memory:")."""
    if not name:
        return IN_MEMORY
    return name if is_in_memory(name) else os.path.realpath(name)


def is_in_memory(name: str) -> bool:
    """Say whether a canonical name is that of a store without a file."""
    return name.startswith(IN_MEMORY)


def open_store(name: str, capabilities: Capabilities, user: int) -> Store:
    """Return the store of a canonical name, opened if it is not yet."""
    with _lock:
        store = _stores.get(name)
        if store is None:
            store = _stores[name] = Store(capabilities, None if is_in_memory(name) else name)
        _users.setdefault(name, set()).add(user)
        return store


def release(name: str, user: int) -> None:
    """Give a store up; a file is closed with its last user, what is in memory stays."""
    with _lock:
        users = _users.get(name, set())
        users.discard(user)
        if not users and not is_in_memory(name) and name in _stores:
            _stores.pop(name).close()


def _before_fork() -> None:
    _lock.acquire()
    for store in _stores.values():
        store.writing.acquire()
        store.reading.acquire()


def _after_fork() -> None:
    for store in _stores.values():
        store.reading.release()
        store.writing.release()
    _lock.release()


def _after_fork_in_child() -> None:
    for store in _stores.values():
        store.after_fork_in_child()
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
