"""The gRPC channel of a driver: one for all threads of a process, made at the first RPC, and made anew in a forked child."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import google.auth
import google.auth.transport.grpc
import google.auth.transport.requests
import grpc
from django.core.exceptions import ImproperlyConfigured
from google.auth.credentials import with_scopes_if_required
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.service_account import Credentials

from .messages import RESPONSES

Send = Callable[..., tuple[Any, int]]  # a serialized request -> the response and its size in bytes

SCOPES = ("https://www.googleapis.com/auth/datastore",)
OPTIONS = (
    ("grpc.max_receive_message_length", -1),  # one response may hold many thousand rows
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),  # find a connection that a NAT dropped before a request waits for it
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 3_000),  # also the time that one attempt to connect may take
    ("grpc.max_reconnect_backoff_ms", 2_000),  # come back soon after the store does
)
_KEPT_BYTES = 8 * 2**20
_PREFIX = "/google.datastore.v1.Datastore/"
_channels: WeakSet[Channel] = WeakSet()
_inherited: list[Any] = []  # a parent's channels must not be closed, and not used, by its child


class Channel:
    """A lazy channel to one target; without credentials it is plain text, for an emulator."""

    def __init__(self, target: str, credentials: Any = None, *, secure: bool = True) -> None:
        """Remember where to connect. `credentials` are as `load_credentials` takes them."""
        self.target = target
        self.credentials = credentials
        self._secure = secure
        self._lock = threading.Lock()
        self._grpc: Any = None
        self._methods: dict[str, Send] = {}
        _channels.add(self)

    @property
    def is_open(self) -> bool:
        """Whether this process has made the gRPC channel."""
        return self._grpc is not None

    def method(self, name: str) -> Send:
        """Return the callable of one RPC."""
        try:
            return self._methods[name]
        except KeyError:
            return self._open()[name]

    def close(self) -> None:
        """Close the connection; the next RPC opens another."""
        with self._lock:
            opened, self._grpc, self._methods = self._grpc, None, {}
        if opened is not None:
            opened.close()

    def _open(self) -> dict[str, Send]:
        with self._lock:
            if not self._methods:
                self._grpc = self._connect()
                self._methods = {name: self._stub(name, response) for name, response in RESPONSES.items()}
            return self._methods

    def _stub(self, name: str, response: Any) -> Send:
        parse = response.FromString
        stub: Send = self._grpc.unary_unary(
            _PREFIX + name, request_serializer=None, response_deserializer=lambda data: (parse(data), len(data))
        )
        return stub

    def _connect(self) -> Any:
        # glibc's malloc gives memory back to the system after each response, to fault it in again for the next, a fifth of a large
        # read's time, until it has once freed a mapped block that is larger. This block is never touched.
        bytes(_KEPT_BYTES)
        if not self._secure:
            return grpc.insecure_channel(self.target, options=OPTIONS)
        credentials = load_credentials(self.credentials)[0]
        request = google.auth.transport.requests.Request()
        return google.auth.transport.grpc.secure_authorized_channel(credentials, request, self.target, options=OPTIONS)

    def _forked(self) -> None:
        _inherited.append(self._grpc)
        self._lock, self._grpc, self._methods = threading.Lock(), None, {}


def load_credentials(given: Any) -> tuple[Any, str | None]:
    """Return google.auth's credentials and their project: those given, of a service account's file, or the application-default ones."""
    try:
        credentials, project = _credentials(given)
    except (DefaultCredentialsError, OSError, ValueError) as error:
        raise ImproperlyConfigured(
            f"There are no usable Google credentials ({error}). Set DATABASES[...]['CREDENTIALS'] to a service account's file, run "
            "`gcloud auth application-default login`, or set DATASTORE_EMULATOR_HOST to use an emulator."
        ) from error
    return credentials, project


def _credentials(given: Any) -> tuple[Any, str | None]:
    if given is None:
        return google.auth.default(scopes=SCOPES)
    if isinstance(given, (str, os.PathLike)):
        given = Credentials.from_service_account_file(os.fspath(given))
    return with_scopes_if_required(given, SCOPES), getattr(given, "project_id", None)


def _after_fork_in_child() -> None:
    for channel in list(_channels):
        channel._forked()


os.register_at_fork(after_in_child=_after_fork_in_child)
