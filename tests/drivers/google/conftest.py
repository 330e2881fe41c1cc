"""Real gRPC servers inside the test process: a Datastore that answers by script, and a Firestore admin service."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from kindstore.drivers.datastore import messages
from kindstore.drivers.datastore.channel import Channel
from kindstore.drivers.datastore.driver import DatastoreDriver
from kindstore.drivers.datastore.keys import Home
from kindstore.drivers.datastore.retry import RetryPolicy
from kindstore.drivers.firestore_datastore_mode.driver import FirestoreDriver

HOME = Home("project")
Answer = Any  # a response message, or a status code to fail with


class ScriptedStore(grpc.GenericRpcHandler):
    """Answers each method by its script, in order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, deque[Answer]] = defaultdict(deque)
        self.requests: list[tuple[str, Any]] = []
        self.metadata: list[dict[str, Any]] = []
        self.target = ""

    def script(self, method: str, *answers: Answer) -> None:
        self.answers[method].extend(answers)

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.rpartition("/")[2]
        request = getattr(messages, f"{method}Request")

        def answer(message: Any, context: Any) -> Any:
            self.requests.append((method, message))
            self.metadata.append(dict(context.invocation_metadata()))
            scripted = self.answers[method].popleft()
            if isinstance(scripted, grpc.StatusCode):
                context.abort(scripted, "scripted")
            return scripted

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=request.FromString, response_serializer=lambda response: response.SerializeToString()
        )


@pytest.fixture
def serve() -> Iterator[Callable[[grpc.GenericRpcHandler], str]]:
    """Return a function that serves a handler and gives its host and port."""
    servers = []

    def start(handler: grpc.GenericRpcHandler) -> str:
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait()


@pytest.fixture
def scripted(serve: Callable[[grpc.GenericRpcHandler], str]) -> ScriptedStore:
    store = ScriptedStore()
    store.target = serve(store)
    return store


@pytest.fixture
def driver(scripted: ScriptedStore) -> Iterator[FirestoreDriver]:
    """A Firestore driver of the scripted store; its retries wait for next to nothing."""
    driver = FirestoreDriver(Channel(scripted.target, secure=False), HOME, emulated=True, retry=RetryPolicy(first=0.001))
    yield driver
    driver.close()


@pytest.fixture
def legacy(scripted: ScriptedStore) -> Iterator[DatastoreDriver]:
    """A driver of the legacy store, of the scripted one."""
    driver = DatastoreDriver(Channel(scripted.target, secure=False), HOME, emulated=True, retry=RetryPolicy(first=0.001))
    yield driver
    driver.close()
