"""Test databases: namespaces of their own, made and deleted as such, so that no test touches anything else."""

from __future__ import annotations

import hashlib
import os
import re
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from unittest import expectedFailure, skip

import django
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import router
from django.db.backends.base.creation import TEST_DATABASE_PREFIX, BaseDatabaseCreation

from ..datamodel import ENTITY, KEY, Column, Entity, Key, Mutation, Order, Query, Shape, Type, Value, Verb
from ..session.session import first_row
from .tenants import TenantNamespaces

if TYPE_CHECKING:
    from ..driver import Driver
    from .base import DatabaseWrapper

LONGEST_NAME = 70  # characters; a namespace has at most 100, of which some are for the prefix and for the number of a clone
COPIED = 25  # entities in one commit, which no store refuses
KEYS = Shape((Column(KEY, Type.KEY),))
ENTITIES = Shape((Column(ENTITY, Type.ENTITY),))


class DatabaseCreation(BaseDatabaseCreation):
    """Puts a namespace in the place of the alias's own, and takes it back.

    TEST["NAME"] names it; without that it is made from NAMESPACE and NAME. It always begins with "test_".
    """

    connection: DatabaseWrapper
    destroy_test_db_connection_close_method = "close"
    replaced: dict[str, Any] | None = None  # what the test database has replaced in the settings

    def create_test_db(self, verbosity: int = 1, autoclobber: bool = False, serialize: bool | None = None, keepdb: bool = False) -> str:
        namespace = self._get_test_db_name()
        if verbosity >= 1:
            action = "Using existing" if keepdb else "Creating"
            self.log(f"{action} test database for alias {self._get_database_display_str(verbosity, namespace)}...")
        self._switch_to(namespace, keep=keepdb)
        try:
            self.refuse_production()
            if not keepdb:
                self._empty(namespace, verbosity, autoclobber=autoclobber)
            self._migrate(verbosity)
        except BaseException:
            self._switch_back()
            raise
        if serialize or (serialize is None and django.VERSION < (6, 0)):
            self.connection._test_serialized_contents = self.serialize_db_to_string()
        self._make_cache_tables()
        if os.environ.get("RUNNING_DJANGOS_TEST_SUITE") == "true":
            self.mark_expected_failures_and_skips()
        return namespace

    def destroy_test_db(
        self,
        old_database_name: str | None = None,
        verbosity: int = 1,
        keepdb: bool = False,
        suffix: str | None = None,
    ) -> None:
        namespace = self._namespace if suffix is None else self._clone_name(suffix)
        if verbosity >= 1:
            action = "Preserving" if keepdb else "Destroying"
            self.log(f"{action} test database for alias {self._get_database_display_str(verbosity, namespace)}...")
        if not keepdb:
            self._destroy_test_db(namespace, verbosity)
        if suffix is None and old_database_name is not None:
            self._switch_back()
            self.connection.settings_dict["NAME"] = old_database_name

    def set_as_test_mirror(self, primary_settings_dict: dict[str, Any]) -> None:
        self._replace({key: primary_settings_dict[key] for key in ("NAME", "NAMESPACE")})

    def get_test_db_clone_settings(self, suffix: str) -> dict[str, Any]:
        entry, name = self.connection.settings_dict, self._clone_name(suffix)
        own = entry["NAMESPACE"]
        return {**entry, "NAMESPACE": own.clone(name) if isinstance(own, TenantNamespaces) else name}

    def setup_worker_connection(self, _worker_id: int) -> None:
        super().setup_worker_connection(_worker_id)
        if self._is_empty(self.connection.session.namespace()):  # the clone is in the memory of a process that this one was not forked from
            self._migrate(verbosity=0)

    def test_db_signature(self) -> tuple[str, ...]:
        """Return what the test database is: two aliases of one signature share it."""
        entry = self.connection.settings_dict
        options = (entry.get("OPTIONS") or {}).get("driver", {})
        store = self.connection.test_name or entry["NAME"]
        return (
            entry["ENGINE"],
            store,
            entry.get("PROJECT") or "",
            entry.get("DATABASE") or "",
            repr(sorted(options.items())),
            self._get_test_db_name(),
        )

    def mark_expected_failures_and_skips(self) -> None:
        features = self.connection.features
        for name in features.django_test_expected_failures:
            self._mark_test(name)
        for reason, names in features.django_test_skips.items():
            for name in names:
                self._mark_test(name, reason)

    def _mark_test(self, test_name: str, skip_reason: str | None = None) -> None:
        """Mark a test of Django's own suite; its module is imported where only others were, which Django does from 6.1 on."""
        place, _, name = test_name.rpartition(".")
        if test_name.partition(".")[0] in settings.INSTALLED_APPS:
            frame = resolve_name(place)
            mark = expectedFailure if skip_reason is None else skip(skip_reason)
            setattr(frame, name, mark(getattr(frame, name)))

    def _get_test_db_name(self) -> str:
        """Return the namespace of the test database."""
        entry = self.connection.settings_dict
        if self.replaced is not None:
            return self._namespace
        own = entry.get("NAMESPACE")
        if entry["TEST"]["NAME"]:
            return _as_namespace(str(entry["TEST"]["NAME"]).removeprefix(TEST_DATABASE_PREFIX))
        return _as_namespace("_".join(filter(None, (own if isinstance(own, str) else "", str(entry["NAME"])))))

    @property
    def _namespace(self) -> str:
        return str(self.connection.settings_dict.get("NAMESPACE") or "")

    def _clone_name(self, suffix: str) -> str:
        return f"{self._namespace}_{suffix}"

    def _namespaces(self) -> set[str]:
        """Return the namespaces of the test database that this process knows."""
        own = self.connection.settings_dict.get("NAMESPACE")
        return {self._namespace} | (own.used if isinstance(own, TenantNamespaces) else set())

    def _switch_to(self, namespace: str, *, keep: bool) -> None:
        entry = self.connection.settings_dict
        own = entry.get("NAMESPACE")
        if own == namespace:
            raise ImproperlyConfigured(
                f"The test database of {self.connection.alias!r} would be the namespace {namespace!r}, which is the NAMESPACE of the alias "
                "itself. Give DATABASES[...]['TEST']['NAME'] another name."
            )
        tenants = TenantNamespaces(own, self.connection.alias, namespace, keep=keep, used=[namespace]) if callable(own) else None
        self._replace({"NAMESPACE": tenants or namespace, "NAME": self.connection.test_name or entry["NAME"]})

    def _replace(self, values: dict[str, Any]) -> None:
        """Change the settings of the alias, for all its connections."""
        entry = self.connection.settings_dict
        if self.replaced is None:
            self.replaced = {key: entry.get(key) for key in ("NAME", "NAMESPACE")}
        self.connection.close()
        entry.update(values)

    def _switch_back(self) -> None:
        if self.replaced is not None:
            self.connection.close()
            self.connection.settings_dict.update(self.replaced)
            self.replaced = None

    def refuse_production(self) -> None:
        """Raise ImproperlyConfigured where tests would write to a real store, unless TEST["ALLOW_PRODUCTION"] is True."""
        if not self._driver.is_production or self.connection.settings_dict["TEST"].get("ALLOW_PRODUCTION") is True:
            return
        raise ImproperlyConfigured(
            f"DATABASES[{self.connection.alias!r}] is the real store {self._driver.identity}, and tests would write to it. Start an "
            "emulator and set DATASTORE_EMULATOR_HOST. Where tests may write to it, set DATABASES[...]['TEST']['ALLOW_PRODUCTION'] to True."
        )

    @property
    def _driver(self) -> Driver:
        return self.connection.kindstore.driver

    def _is_empty(self, namespace: str) -> bool:
        return first_row(self._driver.run_query(Query(None, namespace, limit=1), KEYS)) is None

    def _empty(self, namespace: str, verbosity: int, *, autoclobber: bool) -> None:
        """Delete what an earlier run left behind, once the user agrees."""
        if self._is_empty(namespace):
            return
        if not autoclobber:
            self.log(f"The namespace {namespace!r} is not empty.")
            if input(f"Type 'yes' if you would like to delete all that is in {namespace!r}, or 'no' to cancel: ") != "yes":
                raise CommandError("Tests cancelled.")
        if verbosity >= 1:
            self.log(f"Destroying old test database for alias {self._get_database_display_str(verbosity, namespace)}...")
        self._driver.reset(namespace)

    def _migrate(self, verbosity: int) -> None:
        entry, modules = self.connection.settings_dict, settings.MIGRATION_MODULES
        if entry["TEST"]["MIGRATE"] is False:
            from django.apps import apps

            settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
        try:
            call_command("migrate", verbosity=max(verbosity - 1, 0), interactive=False, database=self.connection.alias, run_syncdb=True)
        finally:
            settings.MIGRATION_MODULES = modules

    def _make_cache_tables(self) -> None:
        """Make the tables of caches in the database, or say which have none here: what does not use them can be tested all the same."""
        caches_here = [name for name in settings.CACHES if self._holds(caches[name])]
        if caches_here and self.connection.engine is None:
            self.log(
                f"No cache table is made for CACHES: {', '.join(caches_here)}. DatabaseCache needs SQL, and "
                f"{self.connection.alias!r} has none: add 'relational' to its PLUGINS, use another cache backend, or keep the cache "
                "elsewhere by a router's allow_migrate()."
            )
        elif caches_here:
            call_command("createcachetable", database=self.connection.alias)

    def _holds(self, cache: Any) -> bool:
        return isinstance(cache, BaseDatabaseCache) and bool(router.allow_migrate_model(self.connection.alias, cache.cache_model_class))

    def _clone_test_db(self, suffix: str, verbosity: int, keepdb: bool = False) -> None:  # noqa: ARG002 - Django's signature
        """Copy all entities to the clone's namespace."""
        self.refuse_production()
        name, clone = self._namespace, self._clone_name(suffix)
        for source in sorted(self._namespaces()):
            target = clone + source.removeprefix(name)
            if not keepdb or self._is_empty(target):
                self._copy(source, target)

    def _copy(self, source: str, target: str) -> None:
        """Put copies of the entities of one namespace into another, and nothing else."""
        self._driver.reset(target)
        query = Query(None, source, orders=(Order(KEY),))
        entities = [row[0] for page in self._driver.run_query(query, ENTITIES) for row in page.rows]
        copies = [Mutation(Verb.UPSERT, copy.key, copy) for copy in (_moved(entity, source, target) for entity in entities)]
        for start in range(0, len(copies), COPIED):
            self._driver.commit(copies[start : start + COPIED])

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:  # noqa: ARG002 - Django's signature
        """Delete the namespaces of a test database or of its clone, and nothing else."""
        if self.replaced is None:
            raise ImproperlyConfigured(
                f"DATABASES[{self.connection.alias!r}] is not a test database now, so it is not destroyed. Call create_test_db() first."
            )
        self.refuse_production()
        self.connection.close()
        for namespace in self._namespaces():
            self._driver.reset(test_database_name + namespace.removeprefix(self._namespace))


def _as_namespace(name: str) -> str:
    """Return a name as a namespace of a test database: what a store does not take is left out, and a digest tells such names apart."""
    plain = re.sub(r"[^0-9A-Za-z._-]+", "_", name).strip("_")[-LONGEST_NAME:]
    digest = "" if plain == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{TEST_DATABASE_PREFIX}{plain}{digest}"


def _moved(value: Any, source: str, target: str) -> Any:
    """Return a value with all that names the one namespace naming the other."""
    if isinstance(value, Key) and value.namespace == source:
        return Key(value.path, target, value.database, value.project)
    if isinstance(value, tuple):
        return tuple(_moved(item, source, target) for item in value)
    if isinstance(value, Entity):
        properties: dict[str, Value] = {name: _moved(item, source, target) for name, item in value.properties.items()}
        return Entity(_moved(value.key, source, target), properties, value.unindexed)
    return value
