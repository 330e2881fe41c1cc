"""The one translation of gRPC's status codes into the errors of the data model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from django.db.utils import DatabaseError, OperationalError

from ...core.datamodel import Key, Mutation, Verb
from ...core.datamodel.errors import (
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

Code = grpc.StatusCode
# After these codes nobody knows what became of a commit that was sent.
_AMBIGUOUS = frozenset((Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN, Code.CANCELLED))
# gRPC has no code for "the request never left"; these are the beginnings of its texts for no connection and for no credentials.
_NEVER_SENT = (
    "failed to connect to all addresses",
    "DNS resolution failed",
    "errors resolving",
    "empty address list",
    "Name resolution failure",
    "Getting metadata from plugin failed",
)


def was_never_sent(error: grpc.RpcError) -> bool:
    """Return whether a request certainly did not reach the store, because there was no connection or there were no credentials."""
    return error.code() is Code.UNAVAILABLE and (error.details() or "").startswith(_NEVER_SENT)


def translate(error: grpc.RpcError, method: str, target: str, mutations: Sequence[Mutation] = ()) -> DatabaseError:
    """Return the error to raise for a failed RPC."""
    code, details = error.code(), error.details() or "the store gave no reason."
    if code in (Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE) and (method != "Commit" or was_never_sent(error)):
        return Unavailable(f"{method}: the store at {target} cannot be reached or did not answer in time ({details}).{_advice(target)}")
    if method == "Commit" and code in _AMBIGUOUS:
        return OutcomeUnknown(
            f"Commit: the store at {target} gave no answer ({code.name}: {details}), so the commit may have been applied or not. "
            "Read the entities again before you repeat it."
        )
    return _TRANSLATIONS.get(code, _other)(f"{method}: {details} ({code.name})", method, mutations)


def _advice(target: str) -> str:
    host = target.rpartition(":")[0]
    if host in ("localhost", "127.0.0.1", "[::1]"):
        return " Is the emulator running? Start it with `manage.py kindstore_emulator`, or correct DATASTORE_EMULATOR_HOST."
    return " Check the network and the status of Google Cloud."


def _candidate(mutations: Sequence[Mutation], verb: Verb) -> Key | None:
    """Return the key that an error is about, where only one mutation can have caused it."""
    keys = [mutation.key for mutation in mutations if mutation.verb is verb]
    return keys[0] if len(keys) == 1 else None


def _already_exists(text: str, _method: str, mutations: Sequence[Mutation]) -> DatabaseError:
    return AlreadyExists(text, _candidate(mutations, Verb.INSERT))


def _not_found(text: str, _method: str, mutations: Sequence[Mutation]) -> DatabaseError:
    return NotFound(text, _candidate(mutations, Verb.UPDATE))


def _failed_precondition(text: str, method: str, mutations: Sequence[Mutation]) -> DatabaseError:
    if method in ("RunQuery", "RunAggregationQuery"):
        return MissingIndex(f"{text}. Deploy the composite index that it names.")
    if any(mutation.base_version is not None for mutation in mutations):
        return VersionConflict(text)
    return OperationalError(text)


def _denied(text: str, _method: str, _mutations: Sequence[Mutation]) -> DatabaseError:
    return OperationalError(f"{text}. Check the credentials (CREDENTIALS, or the application-default ones) and their role on the project.")


def _other(text: str, _method: str, _mutations: Sequence[Mutation]) -> DatabaseError:
    return OperationalError(text)


_TRANSLATIONS: dict[Any, Any] = {
    Code.ALREADY_EXISTS: _already_exists,
    Code.NOT_FOUND: _not_found,
    Code.FAILED_PRECONDITION: _failed_precondition,
    Code.ABORTED: lambda text, _method, _mutations: Contention(text),
    Code.RESOURCE_EXHAUSTED: lambda text, _method, _mutations: ResourceExhausted(text),
    Code.INVALID_ARGUMENT: lambda text, _method, _mutations: InvalidRequest(text),
    Code.OUT_OF_RANGE: lambda text, _method, _mutations: InvalidRequest(text),
    Code.UNIMPLEMENTED: lambda text, _method, _mutations: Unsupported(text),
    Code.PERMISSION_DENIED: _denied,
    Code.UNAUTHENTICATED: _denied,
}
