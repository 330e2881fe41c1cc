"""The chosen store with transactions and constraints, in a namespace that each program changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

DRIVER = os.environ.get("KINDSTORE_TEST_DRIVER", "memory")
RUN, numbers = uuid4().hex[:12], count()


@pytest.fixture
def empty_store(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Callable[[], None]]:
    """Give what empties the store: by another namespace, which the connection asks for at each statement.

    The parameter, if there is one, names more plugins.
    """
    given, name = connection.settings_dict, ""

    def another() -> None:
        nonlocal name
        if name and DRIVER == "memory":  # an emulator takes long to find what is in a namespace
            connection.session.driver.reset(name)
        name = f"stateful-{RUN}-{next(numbers)}"

    more = getattr(request, "param", [])
    options = {plugin: {"policy": "allow"} for plugin in more}
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict = {
            **given,
            "NAMESPACE": lambda: name,
            "PLUGINS": ["transactions", "constraints", *more],
            "OPTIONS": options,
        }
        if DRIVER != "memory":  # see own_store() in tests/conftest.py
            connection.settings_dict["PROJECT"] = f"kindstore-stateful-{uuid4().hex}"
        yield another
        connection.close()
        connection.settings_dict = given
