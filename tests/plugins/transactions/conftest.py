"""The chosen store with the plugin of transactions, in a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from kindstore.core.session import contention

from .blocks import Elsewhere


@pytest.fixture
def plugins() -> list[str]:
    """The plugins of a test; a test module or a class may override them."""
    return ["transactions"]


@pytest.fixture
def options() -> dict[str, Any]:
    """The options of the alias; a test module or a class may override them."""
    return {"ids": "sequential"}


@pytest.fixture(autouse=True)
def namespace(own_store: Any, plugins: list[str], options: dict[str, Any]) -> Iterator[str]:
    """Let a test have a store that is empty, and real transactions: none of its own around it."""
    with own_store("transactions", plugins, options) as name:
        yield name


@pytest.fixture
def five() -> None:
    """Let there be five rows, whose `n` is their primary key."""
    from records.models import Record

    Record.objects.bulk_create(Record(pk=n, n=n, m=n if n % 2 else None, name=f"row {n}") for n in range(1, 6))


@pytest.fixture
def elsewhere(django_db_blocker: Any) -> Elsewhere:
    """Return a function that calls another in a thread with a connection of its own, as somebody else would, and returns its result."""

    def call(function: Callable[[], Any]) -> Any:
        def alone() -> Any:
            with django_db_blocker.unblock():
                try:
                    return function()
                finally:
                    connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(alone).result()

    return call


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait before another attempt."""
    monkeypatch.setattr(contention.time, "sleep", lambda _seconds: None)


@pytest.fixture
def interfering(monkeypatch: pytest.MonkeyPatch, no_pauses: None, elsewhere: Elsewhere) -> Iterator[Callable[..., None]]:
    """Return a function that lets somebody else do something right before the next commits of this connection."""
    store = connection.session.store
    commit, waiting = store._commit, []  # type: ignore[var-annotated]

    def commit_after(mutations: Any, transaction: Any) -> Any:
        if waiting:
            elsewhere(waiting.pop(0))
        return commit(mutations, transaction)

    monkeypatch.setattr(store, "_commit", commit_after)
    yield lambda *happening: waiting.extend(happening)
    assert not waiting
