"""Sends requests: retries, the deadline, the routing header, the observer, and the translation of errors in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import grpc

from ...core.datamodel import Mutation
from ...core.driver import RPC, Observe
from .channel import Channel
from .errors import translate
from .gate import RPCS
from .keys import Home
from .retry import RetryPolicy

Rows = Callable[[Any], int]


def no_rows(_response: Any) -> int:
    """Count the rows of a response that has none."""
    return 0


class Caller:
    """Calls the RPCs of one project and database."""

    def __init__(self, channel: Channel, home: Home, *, timeout: float, retry: RetryPolicy) -> None:
        """`timeout` is in seconds and bounds an RPC together with its retries."""
        self._channel = channel
        self._timeout = timeout
        self._retry = retry
        routing = f"project_id={quote(home.project)}" + (f"&database_id={quote(home.database)}" if home.database else "")
        self._metadata = (("x-goog-request-params", routing),)

    def __call__(
        self, method: str, request: Any, neutral: Any, observe: Observe, rows: Rows = no_rows, mutations: Sequence[Mutation] = ()
    ) -> tuple[Any, int]:
        """Send a message or its bytes; return the response and its size in bytes. `neutral` is what the observer sees of the request."""
        data = request if isinstance(request, bytes) else request.SerializeToString()
        started, retries = time.perf_counter(), 0
        try:
            for pause in self._retry.delays():
                try:
                    response, size = self._send(method, data, started)
                    break
                except grpc.RpcError as error:
                    if not self._retry.allows(method, error, time.perf_counter() - started, self._timeout):
                        raise
                time.sleep(pause)
                retries += 1
            else:
                response, size = self._send(method, data, started)
        except grpc.RpcError as error:
            failure = translate(error, method, self._channel.target, mutations)
            observe(RPC(method, neutral, time.perf_counter() - started, retries=retries, error=failure))
            raise failure from error
        observe(RPC(method, neutral, time.perf_counter() - started, rows(response), retries))
        return response, size

    def _send(self, method: str, data: bytes, started: float) -> tuple[Any, int]:
        with RPCS:
            left = self._timeout - (time.perf_counter() - started)
            return self._channel.method(method)(data, timeout=max(left, 0.01), metadata=self._metadata)
