"""The connection: what Django's DATABASES ENGINE is, for any driver."""

from __future__ import annotations

import _thread
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import utils
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.asyncio import async_unsafe

from ..driver import RPC
from ..mapping.types import DATA_TYPES
from ..planner.explain import describe_rpc
from ..session.alias import Alias, alias_of
from ..session.session import Session
from .client import DatabaseClient
from .creation import DatabaseCreation
from .cursor import Cursor
from .features import DatabaseFeatures
from .introspection import DatabaseIntrospection
from .operations import DatabaseOperations
from .place import warn_of_sequence
from .references import check_references
from .schema import DatabaseSchemaEditor
from .statement import execute, transaction_statement
from .validation import DatabaseValidation

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ..plugins import Plugins
    from ..roles import ResidualEngine, TransactionManager

logger = logging.getLogger("django.db.backends")


class Database:
    """The exceptions of this "DB-API module" are Django's own: drivers raise these already."""

    DataError = utils.DataError
    OperationalError = utils.OperationalError
    IntegrityError = utils.IntegrityError
    InternalError = utils.InternalError
    ProgrammingError = utils.ProgrammingError
    NotSupportedError = utils.NotSupportedError
    DatabaseError = utils.DatabaseError
    InterfaceError = utils.InterfaceError
    Error = utils.Error
    Binary = bytes


class PassErrors:
    """Django's `wrap_database_errors` for a store whose errors are Django's already, and may be subclasses that say more."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function


class DatabaseWrapper(BaseDatabaseWrapper):
    """A connection to a store. A driver's `base` module holds a subclass that names the driver's plugin, and nothing else."""

    driver_plugin: ClassVar[type]
    test_name: ClassVar[str | None] = None  # the NAME that tests use instead, for a driver whose NAME is a file

    vendor = "kindstore"
    display_name = "kindstore"
    data_types = DATA_TYPES
    Database = Database
    SchemaEditorClass = DatabaseSchemaEditor
    client_class = DatabaseClient
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation
    wrap_database_errors = PassErrors()
    rpcs: list[str] | None = None  # those of the statement that is being run, as text
    # What str(query) shows; the residual engine has operators of its own.
    operators: ClassVar[dict[str, str]] = {
        "exact": "= %s",
        "iexact": "ILIKE %s",
        "contains": "LIKE %s",
        "icontains": "ILIKE %s",
        "regex": "~ %s",
        "iregex": "~* %s",
        "gt": "> %s",
        "gte": ">= %s",
        "lt": "< %s",
        "lte": "<= %s",
        "startswith": "LIKE %s",
        "endswith": "LIKE %s",
        "istartswith": "ILIKE %s",
        "iendswith": "ILIKE %s",
    }
    pattern_esc = r"REPLACE(REPLACE(REPLACE({}, '\', '\\'), '%%', '\%%'), '_', '\_')"
    pattern_ops: ClassVar[dict[str, str]] = {
        "contains": "LIKE '%%' || {} || '%%'",
        "icontains": "LIKE '%%' || UPPER({}) || '%%'",
        "startswith": "LIKE {} || '%%'",
        "istartswith": "LIKE UPPER({}) || '%%'",
        "endswith": "LIKE '%%' || {}",
        "iendswith": "LIKE '%%' || UPPER({})",
    }

    @property
    def kindstore(self) -> Alias:
        """What all connections of this alias share."""
        return alias_of(self.alias, self.settings_dict, self.driver_plugin)

    @property
    def plugins(self) -> Plugins:
        """The plugins of this alias."""
        return self.kindstore.plugins

    @property
    def session(self) -> Session:
        """The way to the store; made at its first use, and checked to belong to this thread and to no event loop."""
        session: Session = self._open()
        return session

    @async_unsafe  # type: ignore[untyped-decorator]
    def _open(self) -> Session:
        """Return the session unless queries are forbidden, for which Django's tests replace `cursor`, pytest-django `ensure_connection`."""
        if self._thread_ident != _thread.get_ident():
            self.validate_thread_sharing()
        if "cursor" in self.__dict__:
            self.cursor()
        if self.closed_in_transaction and self.in_atomic_block:
            raise utils.InterfaceError(f"The connection {self.alias!r} was closed inside atomic: nothing works until the block ends.")
        self.ensure_connection()
        session: Session = self.connection
        return session

    @property
    def engine(self) -> ResidualEngine | None:
        """The residual engine, for what reads no rows and so needs no connection."""
        return self.plugins.residual_engine() if self.connection is None else self.connection.engine

    def get_database_version(self) -> tuple[int, ...]:
        return (1,)

    def get_connection_params(self) -> dict[str, Any]:
        return {}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Session:  # noqa: ARG002 - Django's signature
        return Session(self.kindstore, self, self.log, lambda: self.queries_logged)

    def init_connection_state(self) -> None:
        """Nothing to set up: a store has no session state."""

    def create_cursor(self, name: str | None = None) -> Cursor:  # noqa: ARG002 - Django's signature
        return Cursor(self)

    def is_usable(self) -> bool:
        return self.connection is not None and not self.connection.closed

    def log(self, rpc: RPC) -> None:
        """Put an RPC into the entry of its statement in `connection.queries`, where DEBUG or a test asks for it; others are entries."""
        if not self.queries_logged:
            return
        text = describe_rpc(rpc)
        if self.rpcs is None:
            self.queries_log.append({"sql": text, "time": f"{rpc.duration:.3f}", "rpcs": [text]})
        else:
            self.rpcs.append(text)
        logger.debug(
            "(%.3f) %s; alias=%s", rpc.duration, text, self.alias, extra={"duration": rpc.duration, "sql": text, "alias": self.alias}
        )

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:
            self._begin()
        elif self.connection is not None and self.connection.transactions is not None:
            self.connection.transactions.end(self)

    def _start_transaction_under_autocommit(self) -> None:
        if self.features.supports_transactions:
            with transaction_statement(self, "BEGIN"):
                self._begin()
        else:
            self._begin()

    def _begin(self) -> None:
        """Begin what `atomic` opens, or what lasts until autocommit is turned on again."""
        manager = self.session.transactions
        if manager is not None:
            manager.begin(self)
        else:
            warn_of_sequence(self.alias)

    def _commit(self) -> None:
        if self.connection is not None and self.connection.transactions is not None:
            with transaction_statement(self, "COMMIT"):
                self.connection.transactions.commit(self)

    def _rollback(self) -> None:
        if self.connection is not None and self.connection.transactions is not None:
            with transaction_statement(self, "ROLLBACK"):
                self.connection.transactions.rollback(self)

    @property
    def _manager(self) -> TransactionManager:
        manager = self.session.transactions
        assert manager is not None  # Django asks for savepoints only where `uses_savepoints`
        return manager

    def _savepoint(self, sid: str) -> None:
        self.validate_no_broken_transaction()
        run = partial(self._manager.savepoint, self, sid)
        execute(self, lambda: (self.ops.savepoint_create_sql(sid), None), run)

    def _savepoint_rollback(self, sid: str) -> None:
        self.validate_no_broken_transaction()
        run = partial(self._manager.savepoint_rollback, self, sid)
        execute(self, lambda: (self.ops.savepoint_rollback_sql(sid), None), run)

    def _savepoint_commit(self, sid: str) -> None:
        self.validate_no_broken_transaction()
        run = partial(self._manager.savepoint_commit, self, sid)
        execute(self, lambda: (self.ops.savepoint_commit_sql(sid), None), run)

    def validate_no_broken_transaction(self) -> None:
        """Refuse queries in a transaction that is to be rolled back; where `atomic` rolls nothing back, nothing is broken."""
        if self.features.supports_transactions:
            super().validate_no_broken_transaction()

    def disable_constraint_checking(self) -> bool:
        """Foreign keys are not checked by the store, so that fixtures load in any order."""
        return True

    def check_constraints(self, table_names: Any = None) -> None:
        """Raise IntegrityError for a row that refers to a missing one: of those written in the open transaction, else of all rows."""
        check_references(self, table_names)
