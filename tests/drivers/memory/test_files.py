"""A store with a file: what is acknowledged is there after any end of the process, and only one process has it."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db.utils import OperationalError

import kindstore
from kindstore.core.datamodel import Column, Entity, GeoPoint, Key, Op, Query, Shape, Test, Verb
from kindstore.core.datamodel.errors import AlreadyExists
from kindstore.drivers.memory import MemoryDriver

from .building import WHOLE, delete, ids, key, put, read

KILLS = 50
COMMITTING = Path(__file__).with_name("committing.py")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "store.kindstore")


@pytest.fixture
def driver(path: str) -> Iterator[MemoryDriver]:
    driver = MemoryDriver(path)
    yield driver
    driver.close()


def reopened(driver: MemoryDriver) -> MemoryDriver:
    driver.close()
    return driver


def python(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(Path(kindstore.__file__).parents[1]), *sys.path))}
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def kill_after(path: str, start: int, acknowledgements: int) -> int:
    """Let a process commit, kill it after some acknowledgements, and return the last that it gave."""
    with python(str(COMMITTING), path, str(start)) as process:
        assert process.stdout is not None
        last = start - 1
        for _ in range(acknowledgements):
            last = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split("\n")[:-1]  # what follows the last line feed was not acknowledged
    return int(rest[-1]) if rest else last


def test_every_acknowledged_commit_survives_kill_9_and_none_is_halved(path: str) -> None:
    chance = random.Random(9)
    following = 1
    for _ in range(KILLS):
        acknowledged = kill_after(path, following, chance.randint(1, 12))
        driver = MemoryDriver(path)
        rows = [row for page in driver.run_query(Query("Pair"), Shape((Column("turn"),))) for row in page.rows]
        last = read(driver, Key((("Last", 1),)))
        driver.close()
        turns = [turn for (turn,) in rows]
        assert last is not None
        assert last["turn"] >= acknowledged
        assert turns == [turn for turn in range(1, last["turn"] + 1) for _ in range(2)]
        following = last["turn"] + 1


def test_all_values_come_back_exactly(driver: MemoryDriver) -> None:
    values = {
        "null": None,
        "bools": (True, False),
        "ints": (0, -1, 2**63 - 1, -(2**63)),
        "floats": (1.0, 5e-324, math.inf, -math.inf, 0.1),
        "texts": ("", "a\0b", "é\U0001f600", '"\\'),
        "bytes": (b"", b"\x00\xff"),
        "moments": (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
        "point": GeoPoint(-0.5, 180.0),
        "key": Key((("K", 1), ("L", "x")), "ns", "db", "p"),
        "entity": Entity(key(1), {"x": (1, Entity(None, {"y": b"z"}))}, frozenset(("x",))),
        "empty": (),
    }
    driver.commit([put(key("é", namespace="ns"), unindexed=("ints",), **values)])
    (row,) = reopened(driver).lookup([key("é", namespace="ns")], WHOLE)
    assert row is not None
    found = row[0].properties
    assert (found, row[0].unindexed) == (values, {"ints"})
    assert [type(value) for value in found["floats"]] == [float] * 5


def test_negative_zero_and_nan_come_back(driver: MemoryDriver) -> None:
    driver.commit([put(1, zero=-0.0, nan=math.nan)])
    found = read(reopened(driver), 1) or {}
    assert (math.copysign(1, found["zero"]), math.isnan(found["nan"])) == (-1, True)


def test_updates_deletions_and_versions_come_back(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1), put(2, v=2), put(3, v=3)])
    (changed, _) = driver.commit([put(1, v=9), delete(2)])
    assert ids(reopened(driver), filter=Test("v", Op.GT, 0)) == [3, 1]
    (row,) = driver.lookup([key(1)], WHOLE)
    assert row is not None
    assert row[0].version == changed.version
    assert driver.commit([put(1, v=1)])[0].version > changed.version


def test_a_refused_commit_leaves_no_trace(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1)])
    with pytest.raises(AlreadyExists):
        driver.commit([put(2, v=1), put(1, verb=Verb.INSERT, v=2)])
    assert ids(reopened(driver)) == [1]


def test_reset_deletes_one_namespace_for_good(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1), put(key(2, namespace="other"), v=1)])
    driver.reset("other")
    reopened(driver)
    assert (read(driver, 1), read(driver, key(2, namespace="other"))) == ({"v": 1}, None)


def test_reserved_ids_stay_reserved(driver: MemoryDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.reserve_ids([key(5)])
    reopened(driver)
    drawn = iter([4, 8])
    monkeypatch.setattr("kindstore.drivers.memory.store.secrets.randbelow", lambda bound: next(drawn))
    assert driver.allocate_ids(None, "K", 1) == [key(9)]


def test_the_past_before_the_file_was_opened_is_not_known(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1)])
    before = datetime.now(UTC)
    reopened(driver)
    from kindstore.core.driver import ReadOptions

    with pytest.raises(OperationalError, match="opened"):
        read(driver, 1, ReadOptions(read_time=before))


def test_another_name_for_the_same_file_is_the_same_store(driver: MemoryDriver, path: str) -> None:
    driver.commit([put(1, v=1)])
    other = MemoryDriver(os.path.join(os.path.dirname(path), ".", os.path.basename(path)))
    assert (read(other, 1), other.identity) == ({"v": 1}, driver.identity)
    other.close()
    assert read(driver, 1) == {"v": 1}


def test_a_second_process_is_told_at_once_which_file_is_taken(driver: MemoryDriver, path: str) -> None:
    driver.commit([put(1, v=1)])
    with python(str(COMMITTING), path, "1") as process:
        out, error = process.communicate(timeout=20)
    assert (out, process.returncode) == ("", 1)
    assert "OperationalError" in error
    assert f"file {path} is in use by another process" in error
    driver.commit([put(2, v=1)])
    assert ids(driver) == [1, 2]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_is_refused_and_harms_nothing(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1)])
    received, sent = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            driver.commit([put(2, v=2)])
            os.write(sent, b"committed")
        except OperationalError as error:
            os.write(sent, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(sent)
    with os.fdopen(received) as answer:
        assert "forked" in answer.read()
    driver.commit([put(3, v=3)])
    assert ids(reopened(driver)) == [1, 3]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_its_own_copy_of_what_is_in_memory() -> None:
    driver = MemoryDriver(":memory:forked")
    driver.commit([put(1, v=1)])
    child = os.fork()
    if child == 0:
        driver.commit([put(2, v=2)])
        os._exit(len(ids(driver)))
    _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), ids(driver)) == (2, [1])


FORKING = """
import os, sys
from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.drivers.memory import MemoryDriver
driver = MemoryDriver(sys.argv[1])
def put(n):
    driver.commit([Mutation(Verb.UPSERT, Key((("K", n),)), Entity(Key((("K", n),)), {"v": n}))])
put(1)
child = os.fork()
if not child:
    sys.exit()
os.waitpid(child, 0)
put(2)
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_that_ends_leaves_the_file_to_its_parent(path: str) -> None:
    with python("-c", FORKING, path) as process:
        _, error = process.communicate(timeout=20)
    assert error == ""
    driver = MemoryDriver(path)
    assert ids(driver) == [1, 2]
    driver.close()


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "db.sqlite3"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(OperationalError, match="something else"):
        MemoryDriver(str(foreign)).commit([put(1, v=1)])
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but a longer text" * 100)
    with pytest.raises(OperationalError, match=r"notes\.txt"):
        MemoryDriver(str(text)).commit([put(1, v=1)])


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="folder"):
        MemoryDriver(str(tmp_path / "none" / "store")).commit([put(1, v=1)])


def test_a_full_disk_writes_nothing(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1)])
    log = driver.store._log
    assert log is not None
    pages = log._db.execute("PRAGMA page_count").fetchone()[0]
    log._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OperationalError, match="Nothing was written"):
        driver.commit([put(2, text="x" * 900_000, unindexed=("text",))])
    log._db.execute("PRAGMA max_page_count = 1000000")
    driver.commit([put(3, v=3)])
    assert ids(reopened(driver)) == [1, 3]
