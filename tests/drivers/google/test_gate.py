from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import contextmanager

import pytest

from kindstore.core.datamodel import ID, Column, Entity, Key, Mutation, Shape, Verb
from kindstore.drivers.datastore.channel import Channel
from kindstore.drivers.datastore.driver import DatastoreDriver
from kindstore.drivers.datastore.gate import Gate
from kindstore.drivers.datastore.keys import Home
from kindstore.drivers.firestore_datastore_mode.driver import FirestoreDriver

IDS = Shape((Column(ID),))
KEY = Key((("Thing", 1),), "fork")


@contextmanager
def running(*targets):
    """Run functions in threads, and wait for them at the end."""
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_a_fork_waits_for_who_is_inside():
    gate, events = Gate(), []
    inside, closing = threading.Event(), threading.Event()

    def call():
        with gate:
            inside.set()
            closing.wait(30)
            events.append("answered")

    with running(call):
        inside.wait(30)
        closing.set()
        gate.close()
        events.append("forked")
        gate.open()
    assert events == ["answered", "forked"]


def test_nobody_enters_while_a_fork_goes_on():
    gate, events = Gate(), []

    def call():
        with gate:
            events.append("called")

    gate.close()
    with running(call):
        events.append("forked")
        gate.open()
    assert events == ["forked", "called"]


def test_two_forks_wait_for_each_other():
    gate, inside, forks = Gate(), [], []

    def fork():
        for _ in range(200):
            gate.close()
            inside.append(1)
            forks.append(len(inside))
            inside.pop()
            gate.open()

    def call():
        for _ in range(200):
            with gate:
                pass

    with running(fork, fork, call, call):
        pass
    assert forks == [1] * 400


def test_the_patience_of_a_fork_ends():
    gate = Gate(patience=0.01)
    with gate:
        gate.close()
        gate.open()
    with gate:
        assert gate._inside == 1


def test_the_gate_of_a_child_is_open():
    gate = Gate()
    gate.close()
    gate.open_in_child()
    with running(gate.__enter__):
        pass
    assert gate._inside == 1


def test_a_child_forked_inside_leaves_the_gate_empty():
    gate = Gate(patience=0.01)
    with gate:
        gate.close()
        gate.open_in_child()
    assert gate._inside == 0


def forked(driver):
    """Return what a forked child reads, "late" where it has not read anything in time."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, repr(driver.lookup([KEY], IDS)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], 15)
    answer = os.read(reader, 1000).decode() if ready else "late"
    os.close(reader)
    if answer == "late":
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return answer


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(("make", "store"), [(FirestoreDriver, "firestore"), (DatastoreDriver, "datastore")])
def test_a_child_reads_though_it_was_forked_while_others_read(make, store, request, capfd):
    driver = make(Channel(request.getfixturevalue(f"{store}_emulator"), secure=False), Home("kindstore-gate"), emulated=True, timeout=20)
    driver.commit([Mutation(Verb.UPSERT, KEY, Entity(None, {}))])
    done = threading.Event()

    def read():
        while not done.is_set():
            driver.lookup([KEY], IDS)

    with running(read, read, read):
        answers = [forked(driver) for _ in range(20)]
        done.set()
    driver.reset("fork")
    driver.close()
    assert answers == ["[(1,)]"] * 20
    assert "skipping fork" not in capfd.readouterr().err  # gRPC says so when it was not prepared, most often without harm
