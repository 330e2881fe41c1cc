from __future__ import annotations

from collections import deque
from io import StringIO
from types import SimpleNamespace

import grpc
import pytest
from django.core.management import CommandError, call_command
from django.db.utils import OperationalError
from google.cloud.firestore_admin_v1.types import CreateDatabaseMetadata, CreateDatabaseRequest, Database, GetDatabaseRequest
from google.longrunning import operations_pb2

from kindstore.core.datamodel.errors import Unsupported
from kindstore.core.management.commands import kindstore_database
from kindstore.core.settings import AliasSettings
from kindstore.drivers.datastore.keys import Home
from kindstore.drivers.firestore_datastore_mode import admin as admin_module
from kindstore.drivers.firestore_datastore_mode.admin import FirestoreAdmin
from kindstore.drivers.firestore_datastore_mode.plugin import FirestorePlugin

SERVICE = "/google.firestore.admin.v1.FirestoreAdmin/"
OPERATIONS = "/google.longrunning.Operations/"


class AdminService(grpc.GenericRpcHandler):
    """The part of Firestore's admin service that knows databases; a creation takes some polls."""

    def __init__(self, polls: int = 2, failure: str = "") -> None:
        self.databases: dict[str, Database] = {}
        self.created: list[CreateDatabaseRequest] = []
        self.waiting = deque(range(polls))
        self.failure = failure

    def service(self, handler_call_details):
        handlers = {
            SERVICE + "GetDatabase": (self.get, GetDatabaseRequest.deserialize, Database.serialize),
            SERVICE + "CreateDatabase": (self.create, CreateDatabaseRequest.deserialize, operations_pb2.Operation.SerializeToString),
            OPERATIONS + "GetOperation": (
                self.poll,
                operations_pb2.GetOperationRequest.FromString,
                operations_pb2.Operation.SerializeToString,
            ),
        }
        answer, parse, serialize = handlers[handler_call_details.method]
        return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=parse, response_serializer=serialize)

    def get(self, request, context):
        if request.name not in self.databases:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such database")
        return self.databases[request.name]

    def create(self, request, context):
        name = f"{request.parent}/databases/{request.database_id}"
        if name in self.databases:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "taken")
        self.created.append(request)
        database = Database(request.database)
        database.name = name
        database.concurrency_mode = Database.ConcurrencyMode.PESSIMISTIC
        self.databases[name] = database
        return self.operation(done=False)

    def poll(self, request, context):
        if self.waiting:
            self.waiting.popleft()
            return self.operation(done=False)
        return self.operation(done=True)

    def operation(self, *, done):
        operation = operations_pb2.Operation(name="projects/p/databases/d/operations/1", done=done)
        operation.metadata.Pack(CreateDatabaseMetadata.pb(CreateDatabaseMetadata()))
        if done and self.failure:
            operation.error.code, operation.error.message = 13, self.failure
        elif done:
            operation.response.Pack(Database.pb(list(self.databases.values())[-1]))
        return operation


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(admin_module, "POLL_SECONDS", 0.001)


@pytest.fixture
def service():
    return AdminService()


@pytest.fixture
def admin(service, serve):
    return FirestoreAdmin(Home("p", "d"), endpoint=f"http://{serve(service)}")


@pytest.fixture
def command(service, serve, monkeypatch):
    """Return a function that runs kindstore_database on the service and gives what it wrote."""
    options = {"emulator_host": "localhost:1", "admin_endpoint": f"http://{serve(service)}"}
    driver = FirestorePlugin().driver(AliasSettings("default", "", project="p", database="d", driver_options=options))
    connection = SimpleNamespace(kindstore=SimpleNamespace(driver=driver))
    monkeypatch.setattr(kindstore_database, "connections", {"default": connection})

    def run(*arguments):
        out, err = StringIO(), StringIO()
        call_command("kindstore_database", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


def test_a_database_is_created_in_datastore_mode(admin, service):
    description = admin.create("eur3")
    (request,) = service.created
    assert (request.parent, request.database_id, request.database.location_id) == ("projects/p", "d", "eur3")
    assert request.database.type_ is Database.DatabaseType.DATASTORE_MODE
    assert description["name"] == "projects/p/databases/d"
    assert (description["type"], description["location"], description["concurrency"]) == ("datastore mode", "eur3", "pessimistic")


def test_progress_is_told_at_each_poll(admin):
    lines = []
    admin.create("eur3", progress=lines.append)
    assert len(lines) == 2
    assert all(line.startswith("Creating projects/p/databases/d ... ") for line in lines)


def test_protection_and_recovery_can_be_asked_for(admin):
    description = admin.create("eur3", delete_protection=True, point_in_time_recovery=True)
    assert (description["delete protection"], description["point-in-time recovery"]) == ("enabled", "enabled")


def test_protection_and_recovery_are_off_by_default(admin):
    description = admin.create("eur3")
    assert (description["delete protection"], description["point-in-time recovery"]) == ("disabled", "disabled")


def test_a_database_is_described(admin):
    admin.create("eur3")
    assert list(admin.describe()) == [
        "name",
        "type",
        "location",
        "edition",
        "concurrency",
        "point-in-time recovery",
        "delete protection",
    ]


def test_a_missing_database_says_how_to_create_it(admin):
    with pytest.raises(OperationalError, match=r"There is no database projects/p/databases/d\. Create it"):
        admin.describe()


def test_a_database_that_exists_is_not_created(admin):
    admin.create("eur3")
    with pytest.raises(OperationalError, match="exists already"):
        admin.create("eur3")


def test_a_creation_that_fails_says_why(serve):
    admin = FirestoreAdmin(Home("p", "d"), endpoint=f"http://{serve(AdminService(failure='no capacity'))}")
    with pytest.raises(OperationalError, match=r"could not be created: .*no capacity"):
        admin.create("eur3")


def test_a_creation_that_takes_too_long_names_its_operation(serve):
    admin = FirestoreAdmin(Home("p", "d"), endpoint=f"http://{serve(AdminService(polls=1000))}")
    with pytest.raises(OperationalError, match="operations/1"):
        admin.create("eur3", timeout=0.01)


def test_the_default_database_has_its_name():
    assert FirestoreAdmin(Home("p")).name == "projects/p/databases/(default)"


def test_an_emulator_has_no_administration():
    settings = AliasSettings("default", "", project="p", driver_options={"emulator_host": "localhost:1"})
    with pytest.raises(Unsupported, match="no admin API"):
        FirestorePlugin().driver(settings).admin()


def test_the_command_creates_and_describes(command, service):
    out, err = command("create", "--location", "eur3", "--delete-protection")
    assert "projects/p/databases/d" in out
    assert "Creating projects/p/databases/d" in err
    assert command("describe") == (out, "")
    assert service.created[0].database.delete_protection_state is Database.DeleteProtectionState.DELETE_PROTECTION_ENABLED


def test_the_command_wants_a_location(command, service):
    with pytest.raises(CommandError, match="--location"):
        command("create")
    assert service.created == []


def test_the_command_tells_what_the_admin_says(command):
    with pytest.raises(CommandError, match="There is no database"):
        command("describe")


def test_a_store_without_administration_is_told_apart(monkeypatch):
    connection = SimpleNamespace(kindstore=SimpleNamespace(driver=object()), settings_dict={"ENGINE": "kindstore.drivers.memory"})
    monkeypatch.setattr(kindstore_database, "connections", {"default": connection})
    with pytest.raises(CommandError, match=r"ENGINE is 'kindstore\.drivers\.memory'"):
        call_command("kindstore_database", "describe")
