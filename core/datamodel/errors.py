"""What a driver raises. Each is one of Django's own database errors, so that user code needs no import of ours."""

from __future__ import annotations

from django.db.utils import DatabaseError, DataError, IntegrityError, NotSupportedError, OperationalError

from .key import Key


class AlreadyExists(IntegrityError):
    """An insert met an entity with its key. `key` is None where the store does not say which one."""

    def __init__(self, message: str, key: Key | None = None) -> None:
        super().__init__(message)
        self.key = key


class NotFound(DatabaseError):
    """An update met no entity with its key."""

    def __init__(self, message: str, key: Key | None = None) -> None:
        super().__init__(message)
        self.key = key


class Contention(OperationalError):
    """The store gave the commit or the transaction up in favour of another (ABORTED). Nothing was written; it may be tried again."""


class VersionConflict(Contention):
    """An entity no longer has the `base_version` that a mutation asked for. Nothing was written."""


class MissingIndex(OperationalError):
    """A query needs a composite index that is not deployed."""


class ResourceExhausted(OperationalError):
    """A quota, or the size of a request or response, was exceeded. Nothing was written."""


class Unavailable(OperationalError):
    """The store could not be reached. Nothing was written."""


class OutcomeUnknown(OperationalError):
    """The commit left this process and no answer came: it may have been applied or not."""


class InvalidRequest(DataError):
    """The store refused the request as malformed, for example for a value beyond one of its limits. Nothing was written."""


class Unsupported(NotSupportedError):
    """The store does not have what was asked of it; `Capabilities` says so beforehand."""
