from __future__ import annotations

import os
import threading
from itertools import pairwise

import grpc
import pytest

from kindstore.core.datamodel import ENTITY, ID, KEY, Column, Entity, Key, Mutation, Query, Shape, Verb
from kindstore.core.datamodel.errors import Unavailable
from kindstore.drivers.datastore import messages
from kindstore.drivers.datastore.channel import Channel
from kindstore.drivers.datastore.keys import Home
from kindstore.drivers.datastore.retry import RetryPolicy
from kindstore.drivers.firestore_datastore_mode.driver import FirestoreDriver

Code = grpc.StatusCode
IDS = Shape((Column(ID),))


def key(ident: int, namespace: str = "") -> Key:
    return Key((("Thing", ident),), namespace)


def lookup_response(*idents: int, deferred: tuple[int, ...] = (), **partition: str):
    response = messages.LookupResponse()
    for ident in idents:
        found = response.found.add().entity.key
        found.partition_id.project_id = partition.get("project_id", "project")
        found.path.add(kind="Thing", id=ident)
    for ident in deferred:
        late = response.deferred.add()
        late.partition_id.project_id = "project"
        late.path.add(kind="Thing", id=ident)
    return response


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL])
def test_a_read_is_repeated_and_counted_as_one(driver, scripted, code):
    told = []
    scripted.script("Lookup", code, code, lookup_response(1))
    assert driver.lookup([key(1)], IDS, observe=told.append) == [(1,)]
    assert [(rpc.method, rpc.retries, rpc.error) for rpc in told] == [("Lookup", 2, None)]


def test_repeating_ends(driver, scripted):
    scripted.script("Lookup", *[Code.UNAVAILABLE] * 20)
    with pytest.raises(Unavailable):
        driver.lookup([key(1)], IDS)
    assert len(scripted.requests) == RetryPolicy().attempts


@pytest.mark.parametrize("code", [Code.ABORTED, Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED])
def test_what_will_not_pass_is_not_repeated(driver, scripted, code):
    scripted.script("BeginTransaction", code)
    with pytest.raises(Exception, match="scripted"):
        driver.begin()
    assert scripted.methods == ["BeginTransaction"]


def test_pauses_grow_and_are_jittered():
    policy = RetryPolicy(attempts=4, first=1.0, factor=2.0)
    longest = [max(pauses) for pauses in zip(*(policy.delays() for _ in range(300)), strict=True)]
    assert all(low < high for low, high in pairwise(longest))
    assert [pause < limit for pause, limit in zip(longest, (1, 2, 4), strict=True)] == [True] * 3
    assert min(next(iter(policy.delays())) for _ in range(300)) < 0.2


def test_deferred_keys_are_asked_for_again(driver, scripted):
    scripted.script("Lookup", lookup_response(1, deferred=(2, 3)), lookup_response(3, deferred=(2,)), lookup_response(2))
    assert driver.lookup([key(1), key(2), key(3)], IDS) == [(1,), (2,), (3,)]
    asked = [[element.path[0].id for element in request.keys] for _, request in scripted.requests]
    assert asked == [[1, 2, 3], [2, 3], [2]]


def test_results_in_another_order_find_their_keys(driver, scripted):
    scripted.script("Lookup", lookup_response(3, 1, 2))
    assert driver.lookup([key(1), key(2), key(3)], IDS) == [(1,), (2,), (3,)]


def test_keys_of_the_own_project_are_the_own(driver, scripted):
    scripted.script("Lookup", lookup_response(1))
    own = Key((("Thing", 1),), project="project", database="")
    assert driver.lookup([own], Shape((Column(KEY),))) == [(key(1),)]


def test_a_foreign_key_says_where_it_is_from(driver, scripted):
    scripted.script("Lookup", lookup_response(1, project_id="foreign"))
    foreign = Key((("Thing", 1),), project="foreign", database="")
    assert driver.lookup([foreign], Shape((Column(KEY),))) == [(foreign,)]
    assert scripted.requests[0][1].keys[0].partition_id.project_id == "foreign"


def test_the_header_routes_to_project_and_database(scripted):
    scripted.script("Lookup", lookup_response())
    driver = FirestoreDriver(Channel(scripted.target, secure=False), Home("my-project", "my db"), emulated=True)
    driver.lookup([key(1)], IDS)
    driver.close()
    assert scripted.metadata[0]["x-goog-request-params"] == "project_id=my-project&database_id=my%20db"
    assert scripted.requests[0][1].database_id == "my db"


def test_every_commit_is_transactional(driver, scripted):
    scripted.script("Commit", messages.CommitResponse(), messages.CommitResponse())
    mutation = Mutation(Verb.UPSERT, key(1), Entity(None, {}))
    driver.commit([mutation])
    driver.commit([mutation], b"transaction")
    single, joined = (request for _, request in scripted.requests)
    assert (single.mode, single.WhichOneof("transaction_selector")) == (messages.TRANSACTIONAL, "single_use_transaction")
    assert (joined.mode, joined.transaction) == (messages.TRANSACTIONAL, b"transaction")


def test_the_legacy_store_is_never_sent_a_mask(legacy, scripted):
    scripted.script("Lookup", lookup_response(1))
    legacy.lookup([key(1)], Shape((Column("p"),)))
    assert not scripted.requests[0][1].HasField("property_mask")


def test_only_the_properties_of_the_shape_are_asked_for(driver, scripted):
    scripted.script("Lookup", lookup_response(1), lookup_response(1), lookup_response(1))
    driver.lookup([key(1)], Shape((Column("p"), Column("a b"), Column(ID))))
    driver.lookup([key(1)], IDS)
    driver.lookup([key(1)], Shape((Column(ENTITY),)))
    some, none, whole = (request for _, request in scripted.requests)
    assert list(some.property_mask.paths) == ["p", "`a b`"]
    assert (none.HasField("property_mask"), list(none.property_mask.paths)) == (True, [])
    assert not whole.HasField("property_mask")


def test_a_response_may_be_larger_than_grpc_allows_by_default(driver, scripted):
    response = messages.RunQueryResponse()
    for ident in range(6):
        entity = response.batch.entity_results.add().entity
        entity.key.path.add(kind="Thing", id=ident + 1)
        entity.properties["p"].blob_value = bytes(1_000_000)
    scripted.script("RunQuery", response)
    (page,) = driver.run_query(Query("Thing"), Shape((Column("p"),)))
    assert sum(len(value) for (value,) in page.rows) == 6_000_000


def test_threads_share_a_channel(driver, scripted):
    scripted.script("Lookup", *(lookup_response(1) for _ in range(16)))
    rows = []
    threads = [threading.Thread(target=lambda: rows.append(driver.lookup([key(1)], IDS))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows == [[(1,)]] * 16


def test_nothing_connects_before_the_first_rpc():
    channel = Channel("127.0.0.1:1", secure=False)
    FirestoreDriver(channel, Home("project"), emulated=True)
    assert channel.is_open is False


def test_a_closed_driver_connects_again(driver, scripted):
    scripted.script("Lookup", lookup_response(1), lookup_response(1))
    driver.lookup([key(1)], IDS)
    driver.close()
    assert driver.lookup([key(1)], IDS) == [(1,)]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_makes_a_channel_of_its_own(firestore_emulator):
    driver = FirestoreDriver(Channel(firestore_emulator, secure=False), Home("kindstore-fork"), emulated=True, timeout=10)
    driver.reset("fork")
    driver.commit([Mutation(Verb.UPSERT, key(1, "fork"), Entity(None, {}))])
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            inherited = driver._channel.is_open
            os.write(writer, repr((inherited, driver.lookup([key(1, "fork")], IDS))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    assert os.read(reader, 1000).decode() == "(False, [(1,)])"
    os.close(reader)
    assert driver.lookup([key(1, "fork")], IDS) == [(1,)]
    driver.close()
