"""Runs the tests on the store that KINDSTORE_TEST_DRIVER names: memory (the default), datastore or firestore.

With the variable set, only what belongs to that store runs: tests that need an emulator run where it is started anyway.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

pytest_plugins = ["kindstore.testing.fixtures"]

DATABASES: dict[str, dict[str, Any]] = {
    "memory": {"ENGINE": "kindstore.drivers.memory", "NAME": ":memory:"},
    "datastore": {"ENGINE": "kindstore.drivers.datastore", "PROJECT": "kindstore-tests"},
    "firestore": {"ENGINE": "kindstore.drivers.firestore_datastore_mode", "PROJECT": "kindstore-tests"},
}
CHOSEN = os.environ.get("KINDSTORE_TEST_DRIVER")
DRIVER = CHOSEN or "memory"
# The probability that a query of the Datastore emulator sees what was just written; below 1.0 only tests of that run.
CONSISTENCY = float(os.environ.get("KINDSTORE_TEST_CONSISTENCY", "1.0"))
# Each package in tests/apps, which pyproject.toml puts on the path, is an app for the tests.
TEST_APPS = sorted(path.parent.name for path in (Path(__file__).parent / "apps").glob("*/__init__.py"))
# Each environment has the requirements of its own store alone, so that it shows that they are enough.
FOREIGN = {"memory": ["drivers/google"], "datastore": ["drivers/google/test_admin.py"]}
collect_ignore = FOREIGN.get(CHOSEN or "", [])

RUN = uuid4().hex
OwnStore = Callable[..., AbstractContextManager[str]]


def pytest_configure(config: pytest.Config) -> None:
    """Start the emulator of the chosen driver, and configure Django for it."""
    config.addinivalue_line("markers", "eventual: is about queries that are eventually consistent")
    if DRIVER not in DATABASES:
        raise pytest.UsageError(f"KINDSTORE_TEST_DRIVER is {DRIVER!r}; choose one of {', '.join(DATABASES)}.")
    if DRIVER != "memory" and not getattr(config.option, "numprocesses", None):  # xdist's workers start theirs
        start_emulator(config)
    settings.configure(
        DATABASES={"default": {**DATABASES[DRIVER], "OPTIONS": {"ids": "sequential"}}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["kindstore.core", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", *TEST_APPS],
        SECRET_KEY="tests",
        USE_TZ=True,
    )


def start_emulator(config: pytest.Config) -> None:
    """Start the emulator, unless one is named. Each worker of xdist has its own: Datastore's slows down with each query that it is sent."""
    from kindstore.testing.emulator import Emulator
    from kindstore.testing.fixtures import VARIABLES

    if VARIABLES[DRIVER] not in os.environ:
        emulator = Emulator(DRIVER, consistency=CONSISTENCY)
        emulator.start()
        config.add_cleanup(emulator.stop)
        os.environ[VARIABLES[DRIVER]] = emulator.host
    os.environ["DATASTORE_EMULATOR_HOST"] = os.environ[VARIABLES[DRIVER]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what belongs to another store."""
    deselected = [item for item in items if not belongs_here(item)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if belongs_here(item)]


def belongs_here(item: pytest.Item) -> bool:
    """Tell whether a test runs on the chosen store. One that needs both emulators runs with Firestore's."""
    if (item.get_closest_marker("eventual") is not None) is not (CONSISTENCY < 1.0):
        return False
    stores = stores_of(item)
    return CHOSEN is None or not stores or ("firestore" if "firestore" in stores else min(stores)) == CHOSEN


def stores_of(item: pytest.Item) -> set[str]:
    """Return the stores that a test is about: by a fixture or a parameter of that name, or as one of the memory driver's own."""
    names = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    values = {value for value in callspec.params.values() if isinstance(value, str)} if callspec else set()
    emulated = {kind for kind in ("datastore", "firestore") if f"{kind}_emulator" in names or kind in values}
    own = item.path.parent.name == "memory" or item.path.stem == "test_memory"
    return emulated or ({"memory"} if own else set())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures that tests have recorded: numbers by their sums, texts beside the test. The processes of xdist send them here."""
    sums: Counter[str] = Counter()
    lines = []
    for report in (report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)):
        for name, value in report.user_properties:
            if isinstance(value, int):
                sums[name] += value
            else:
                lines.append(f"{report.nodeid}: {name}: {value}")
    lines += [f"{name}: {number:,}" for name, number in sums.items()]
    if lines:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture
def own_store(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> OwnStore:
    """Return what lets the default alias have an empty store, with given plugins and, where given, options, and gives its namespace.

    A `shared` store is the same at each call. On an emulator it is a project too: for each entity group of a commit, Datastore's copies
    all that the project holds. What is left there goes with the emulator, which takes long to find it.
    """
    from django.db import connection

    @contextmanager
    def opened(name: str, plugins: Sequence[str] = (), options: dict[str, Any] | None = None, *, shared: bool = False) -> Iterator[str]:
        name = f"{name}-{RUN if shared else uuid4().hex}"
        settings = {"NAMESPACE": name, "PLUGINS": list(plugins)}
        if options is not None:
            settings["OPTIONS"] = options
        if DRIVER != "memory":
            settings["PROJECT"] = f"kindstore-{name}"
        with django_db_blocker.unblock(), monkeypatch.context() as patch:
            connection.close()
            for key, value in settings.items():
                patch.setitem(connection.settings_dict, key, value)
            yield name
            connection.close()

    return opened
