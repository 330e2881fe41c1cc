from __future__ import annotations

import time
from typing import Any

import grpc
import pytest
from django.db.utils import OperationalError

from kindstore.core.datamodel import ID, Column, Entity, Key, Mutation, Query, Shape, Verb
from kindstore.core.datamodel.errors import (
    AlreadyExists,
    Contention,
    InvalidRequest,
    MissingIndex,
    NotFound,
    OutcomeUnknown,
    ResourceExhausted,
    Unavailable,
    Unsupported,
    VersionConflict,
)
from kindstore.drivers.datastore.channel import Channel
from kindstore.drivers.datastore.driver import DatastoreDriver
from kindstore.drivers.datastore.keys import Home
from kindstore.testing.emulator import free_port

Code = grpc.StatusCode
IDS = Shape((Column(ID),))


def key(ident: int) -> Key:
    return Key((("Thing", ident),))


def write(verb: Verb, ident: int, **rest: Any) -> Mutation:
    return Mutation(verb, key(ident), Entity(None, {}), **rest)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (Code.ABORTED, Contention),
        (Code.RESOURCE_EXHAUSTED, ResourceExhausted),
        (Code.INVALID_ARGUMENT, InvalidRequest),
        (Code.UNIMPLEMENTED, Unsupported),
        (Code.PERMISSION_DENIED, OperationalError),
        (Code.UNAUTHENTICATED, OperationalError),
        (Code.UNKNOWN, OperationalError),
    ],
)
def test_the_status_of_a_read_decides_the_error(driver, scripted, code, error):
    scripted.script("Lookup", code)
    with pytest.raises(error) as caught:
        driver.lookup([key(1)], IDS)
    assert type(caught.value) is error


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.UNKNOWN, Code.INTERNAL, Code.CANCELLED])
def test_a_commit_without_an_answer_has_an_unknown_outcome_and_is_not_repeated(driver, scripted, code):
    scripted.script("Commit", code)
    with pytest.raises(OutcomeUnknown):
        driver.commit([write(Verb.UPSERT, 1)])
    assert scripted.methods == ["Commit"]


@pytest.mark.parametrize(
    ("code", "error"), [(Code.ABORTED, Contention), (Code.RESOURCE_EXHAUSTED, ResourceExhausted), (Code.INVALID_ARGUMENT, InvalidRequest)]
)
def test_a_commit_that_was_refused_wrote_nothing(driver, scripted, code, error):
    scripted.script("Commit", code)
    with pytest.raises(error):
        driver.commit([write(Verb.UPSERT, 1)])


def test_a_failed_precondition_of_a_query_is_a_missing_index(driver, scripted):
    scripted.script("RunQuery", Code.FAILED_PRECONDITION)
    with pytest.raises(MissingIndex):
        list(driver.run_query(Query("Thing"), IDS))


def test_a_failed_precondition_of_a_guarded_commit_is_a_version_conflict(driver, scripted):
    scripted.script("Commit", Code.FAILED_PRECONDITION)
    with pytest.raises(VersionConflict):
        driver.commit([write(Verb.UPSERT, 1), write(Verb.UPDATE, 2, base_version=5)])


def test_a_failed_precondition_of_another_commit_is_none(driver, scripted):
    scripted.script("Commit", Code.FAILED_PRECONDITION)
    with pytest.raises(OperationalError) as caught:
        driver.commit([write(Verb.UPSERT, 1)])
    assert type(caught.value) is OperationalError


def test_the_only_insert_is_the_one_that_existed(driver, scripted):
    scripted.script("Commit", Code.ALREADY_EXISTS)
    with pytest.raises(AlreadyExists) as caught:
        driver.commit([write(Verb.UPSERT, 1), write(Verb.INSERT, 2)])
    assert caught.value.key == key(2)


def test_of_two_inserts_nobody_knows_which_existed(driver, scripted):
    scripted.script("Commit", Code.ALREADY_EXISTS)
    with pytest.raises(AlreadyExists) as caught:
        driver.commit([write(Verb.INSERT, 1), write(Verb.INSERT, 2)])
    assert caught.value.key is None


def test_the_only_update_is_the_one_that_was_missing(driver, scripted):
    scripted.script("Commit", Code.NOT_FOUND)
    with pytest.raises(NotFound) as caught:
        driver.commit([write(Verb.INSERT, 1), write(Verb.UPDATE, 2)])
    assert caught.value.key == key(2)


@pytest.mark.parametrize("method", ["lookup", "commit", "query"])
def test_a_store_that_is_down_is_reported_within_seconds(method):
    driver = DatastoreDriver(Channel(f"127.0.0.1:{free_port()}", secure=False), Home("project"), emulated=True)
    calls = {
        "lookup": lambda: driver.lookup([key(1)], IDS),
        "commit": lambda: driver.commit([write(Verb.UPSERT, 1)]),
        "query": lambda: list(driver.run_query(Query("Thing"), IDS)),
    }
    started = time.monotonic()
    with pytest.raises(Unavailable, match="DATASTORE_EMULATOR_HOST"):
        calls[method]()
    assert time.monotonic() - started < 5
    driver.close()


def test_the_observer_is_told_of_the_error(driver, scripted):
    told = []
    scripted.script("Lookup", Code.ABORTED)
    with pytest.raises(Contention) as caught:
        driver.lookup([key(1)], IDS, observe=told.append)
    assert [(rpc.method, rpc.error) for rpc in told] == [("Lookup", caught.value)]
