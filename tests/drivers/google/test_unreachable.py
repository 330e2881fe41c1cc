"""A server that does not answer is an error within seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.db.utils import OperationalError
from records.models import Record

ENGINES = ["kindstore.drivers.datastore", "kindstore.drivers.firestore_datastore_mode"]
SECONDS = 20
RUNS: dict[str, Callable[[Any], Any]] = {
    "reading": lambda rows: list(rows.filter(n=1)),
    "reading by key": lambda rows: rows.get(pk=1),
    "writing": lambda rows: rows.create(pk=1),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "nobody answers"])
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_server_that_is_down_is_an_operational_error_within_seconds(
    engine: str, listens: bool, run: Callable[[Any], Any], django_db_blocker: Any
) -> None:
    with socket.socket() as silent, django_db_blocker.unblock():
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        options = {"driver": {"emulator_host": f"127.0.0.1:{silent.getsockname()[1]}"}}
        entry = {"ENGINE": engine, "PROJECT": "nobody", "PLUGINS": [], "OPTIONS": options}
        connections.settings["down"] = connections.configure_settings({**connections.settings, "down": entry})["down"]
        start = time.monotonic()
        try:
            with pytest.raises(OperationalError):
                run(Record.objects.using("down"))
            assert time.monotonic() - start < SECONDS
        finally:
            connections["down"].close()
            del connections["down"], connections.settings["down"]
