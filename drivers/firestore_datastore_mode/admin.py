"""The administration of a Firestore database: google-cloud-firestore's admin client, for one project and database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from django.db.utils import DatabaseError, OperationalError
from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, NotFound, PermissionDenied, Unauthenticated
from google.cloud.firestore_admin_v1 import FirestoreAdminClient
from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcTransport
from google.cloud.firestore_admin_v1.types import CreateDatabaseRequest, Database, GetDatabaseRequest

from ..datastore.channel import load_credentials
from ..datastore.keys import Home

ENDPOINT = "firestore.googleapis.com"
TIMEOUT = 60.0
CREATE_TIMEOUT = 600.0
POLL_SECONDS = 2.0
_PLAIN = "http://"

Progress = Callable[[str], None]


class FirestoreAdmin:
    """Describes and creates the database of an alias."""

    def __init__(self, home: Home, credentials: Any = None, endpoint: str = ENDPOINT) -> None:
        """Bind to a database. An `endpoint` that begins with "http://" is plain text, without credentials."""
        self._home = home
        self._credentials = credentials
        self._endpoint = endpoint

    @property
    def name(self) -> str:
        """The resource name of the database."""
        return f"projects/{self._home.project}/databases/{self._id}"

    def describe(self) -> Mapping[str, str]:
        """Return what the database is, in words, in a fixed order."""
        with self._client() as client, self._translated("described"):
            return _described(client.get_database(GetDatabaseRequest(name=self.name), timeout=TIMEOUT))

    def create(
        self,
        location: str,
        *,
        delete_protection: bool = False,
        point_in_time_recovery: bool = False,
        progress: Progress | None = None,
        timeout: float = CREATE_TIMEOUT,
    ) -> Mapping[str, str]:
        """Create the database in Datastore mode, wait until it is there, and describe it.

        `location` is a region or multi-region such as "eur3"; `progress` is told a line at each poll; `timeout` is in seconds.
        """
        database = Database(
            type_=Database.DatabaseType.DATASTORE_MODE,
            location_id=location,
            delete_protection_state=_state(Database.DeleteProtectionState, "DELETE_PROTECTION", on=delete_protection),
            point_in_time_recovery_enablement=_state(
                Database.PointInTimeRecoveryEnablement, "POINT_IN_TIME_RECOVERY", on=point_in_time_recovery
            ),
        )
        request = CreateDatabaseRequest(parent=f"projects/{self._home.project}", database=database, database_id=self._id)
        with self._client() as client, self._translated("created"):
            operation = client.create_database(request, timeout=TIMEOUT)
            self._wait(operation, progress or _silent, timeout)
            return _described(operation.result())

    @property
    def _id(self) -> str:
        return self._home.database or "(default)"

    def _wait(self, operation: Any, progress: Progress, timeout: float) -> None:
        started = time.monotonic()
        while not operation.done():
            elapsed = time.monotonic() - started
            if elapsed > timeout:
                raise OperationalError(
                    f"Database {self.name} was not there after {timeout:.0f} s. It may still come: look with `manage.py kindstore_database "
                    f"describe`. The operation is {operation.operation.name}."
                )
            progress(f"Creating {self.name} ... {elapsed:.0f} s")
            time.sleep(POLL_SECONDS)

    @contextmanager
    def _client(self) -> Iterator[FirestoreAdminClient]:
        if self._endpoint.startswith(_PLAIN):
            channel = grpc.insecure_channel(self._endpoint.removeprefix(_PLAIN))
            client = FirestoreAdminClient(transport=FirestoreAdminGrpcTransport(channel=channel))
        else:
            credentials = load_credentials(self._credentials)[0]
            client = FirestoreAdminClient(credentials=credentials, client_options={"api_endpoint": self._endpoint})
        with client:
            yield client

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        try:
            yield
        except GoogleAPICallError as error:
            raise self._failure(error, done) from error

    def _failure(self, error: GoogleAPICallError, done: str) -> DatabaseError:
        if isinstance(error, AlreadyExists):
            return OperationalError(f"Database {self.name} exists already. Look at it with `manage.py kindstore_database describe`.")
        if isinstance(error, NotFound):
            return OperationalError(
                f"There is no database {self.name}. Create it with `manage.py kindstore_database create --location ...`, "
                "or correct 'PROJECT' and 'DATABASE' in the settings."
            )
        advice = " Check the credentials and their role on the project." if isinstance(error, (PermissionDenied, Unauthenticated)) else ""
        return OperationalError(f"Database {self.name} could not be {done}: {error.message}.{advice}")


def _described(database: Any) -> dict[str, str]:
    return {
        "name": database.name,
        "type": _words(database.type_.name),
        "location": database.location_id,
        "edition": _words(database.database_edition.name),
        "concurrency": _words(database.concurrency_mode.name),
        "point-in-time recovery": _words(database.point_in_time_recovery_enablement.name.removeprefix("POINT_IN_TIME_RECOVERY_")),
        "delete protection": _words(database.delete_protection_state.name.removeprefix("DELETE_PROTECTION_")),
    }


def _words(constant: str) -> str:
    return constant.lower().replace("_", " ")


def _state(enumeration: Any, prefix: str, *, on: bool) -> Any:
    return enumeration[f"{prefix}_{'ENABLED' if on else 'DISABLED'}"]


def _silent(_line: str) -> None:
    """Show no progress."""
