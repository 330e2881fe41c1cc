"""Test databases: where they are, what they never touch, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import connection, connections
from django.test import override_settings

from kindstore.core.backend.base import DatabaseWrapper
from kindstore.core.backend.creation import DatabaseCreation
from kindstore.core.datamodel import KEY, Column, Entity, Key, Mutation, Query, Shape, Verb
from kindstore.testing import connection_with

from .conftest import chosen

KEYS = Shape((Column(KEY),))
APPS = ["django.contrib.contenttypes", "django.contrib.auth"]


@pytest.fixture(autouse=True)
def _few_apps() -> Iterator[None]:
    with override_settings(INSTALLED_APPS=APPS):
        yield


@pytest.fixture
def alias(django_db_blocker: Any) -> Iterator[Any]:
    """An alias with a row that no test database may touch; what becomes a test database is deleted."""
    options = {"relational": {"policy": "allow"}, "ids": "sequential"}
    with django_db_blocker.unblock(), connection_with(["relational"], **chosen(), options=options) as made:
        entry = made.settings_dict
        own, driver = entry["NAMESPACE"], made.kindstore.driver
        rows(made).create(pk=77, app_label="mine", model="precious")
        names = [made.creation._get_test_db_name()]
        names += [f"{names[0]}_{number}" for number in (1, 2)]
        yield made
        assert {key.id_or_name for key in keys(driver, own) if key.kind == "django_content_type"} == {77}
        for name in names:
            driver.reset(name)
        made.close()
        entry["NAMESPACE"] = own


def rows(connection: Any) -> Any:
    return ContentType.objects.using(connection.alias)


def keys(driver: Any, namespace: str) -> list[Key]:
    return [row[0] for page in driver.run_query(Query(None, namespace), KEYS) for row in page.rows]


def create(alias: Any, **options: Any) -> str:
    name: str = alias.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, **options)
    return name


def destroy(alias: Any, **options: Any) -> None:
    alias.creation.destroy_test_db(old_database_name=alias.settings_dict["NAME"], verbosity=0, **options)


def test_it_is_a_namespace_of_its_own(alias: Any) -> None:
    name = create(alias)
    assert name.startswith("test_")
    assert alias.session.namespace() == name
    assert not rows(alias).filter(pk=77).exists()


CACHE = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached"}


@override_settings(CACHES={"default": CACHE, "other": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}})
def test_it_has_the_tables_of_caches(alias: Any) -> None:
    create(alias)

    assert {"auth_user", "cached"} <= set(alias.introspection.table_names())


@override_settings(CACHES={"default": CACHE})
def test_without_sql_it_has_no_cache_table_and_says_so(
    alias: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseWrapper, "engine", None)
    alias.creation._make_cache_tables()

    assert "No cache table is made for CACHES: default. DatabaseCache needs SQL" in capsys.readouterr().err


class CacheElsewhere:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:  # noqa: ARG002 - Django's signature
        return False if app_label == "django_cache" else None


@override_settings(CACHES={"default": CACHE}, DATABASE_ROUTERS=[CacheElsewhere()])
def test_a_cache_that_is_kept_elsewhere_is_not_mentioned(alias: Any, capsys: pytest.CaptureFixture[str]) -> None:
    create(alias)

    assert capsys.readouterr().err == ""


def test_it_is_migrated(alias: Any) -> None:
    create(alias)
    assert "auth_user" in alias.introspection.table_names()
    assert rows(alias).filter(app_label="auth", model="user").exists()


def test_it_is_synced_without_migrations(alias: Any) -> None:
    alias.settings_dict["TEST"]["MIGRATE"] = False
    create(alias)
    assert "auth_user" in alias.introspection.table_names()


def test_other_connections_of_the_alias_follow(alias: Any) -> None:
    name = create(alias)
    other = connections.create_connection(alias.alias)
    assert other.session.namespace() == name


def test_what_an_earlier_run_left_is_deleted(alias: Any) -> None:
    create(alias)
    rows(alias).create(pk=5000, app_label="old", model="row")
    destroy(alias, keepdb=True)
    create(alias)
    assert not rows(alias).filter(pk=5000).exists()


def test_keepdb_keeps_it(alias: Any) -> None:
    create(alias)
    rows(alias).create(pk=5000, app_label="old", model="row")
    destroy(alias, keepdb=True)
    create(alias, keepdb=True)
    assert rows(alias).filter(pk=5000).exists()


@pytest.mark.parametrize(("answer", "survives"), [("yes", False), ("no", True)])
def test_the_user_is_asked_before_something_is_deleted(
    alias: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, survives: bool
) -> None:
    driver, name = alias.kindstore.driver, alias.creation._get_test_db_name()
    key = Key((("left", 1),), name)
    driver.commit([Mutation(Verb.UPSERT, key, Entity(key, {}))])
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    try:
        alias.creation.create_test_db(verbosity=0, autoclobber=False, serialize=False)
    except CommandError as error:
        assert str(error) == "Tests cancelled."  # noqa: PT017
    assert (key in keys(driver, name)) is survives
    assert f"The namespace '{name}' is not empty." in capsys.readouterr().err


def test_destroying_deletes_the_namespace_and_restores_the_alias(alias: Any) -> None:
    own = alias.settings_dict["NAMESPACE"]
    name = create(alias)
    destroy(alias)
    assert keys(alias.kindstore.driver, name) == []
    assert alias.session.namespace() == own
    assert rows(alias).filter(pk=77).exists()


def test_what_is_no_test_database_is_not_destroyed(alias: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="is not a test database now"):
        destroy(alias)


class Production:
    """A driver that says that its data is real, and takes note of what is deleted."""

    is_production = True
    identity = "the real one"

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)


@pytest.fixture
def production(alias: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The alias on a store whose data is real."""
    driver = alias.kindstore.driver
    monkeypatch.setattr(type(alias.creation), "_driver", Production(driver))
    return alias


def test_a_production_store_is_refused(production: Any) -> None:
    own = production.settings_dict["NAMESPACE"]
    with pytest.raises(ImproperlyConfigured, match=r"is the real store the real one, .* DATASTORE_EMULATOR_HOST"):
        create(production)
    assert production.settings_dict["NAMESPACE"] == own
    assert keys(production.kindstore.driver, production.creation._get_test_db_name()) == []


def test_a_clone_of_a_production_store_is_refused(production: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="is the real store"):
        production.creation._clone_test_db("1", 0)


def test_a_connection_on_a_production_store_is_refused(monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> None:
    real = Production(connection.kindstore.driver)
    monkeypatch.setattr(real, "reset", pytest.fail, raising=False)
    monkeypatch.setattr(DatabaseCreation, "_driver", real)
    with django_db_blocker.unblock(), pytest.raises(ImproperlyConfigured, match="is the real store"), connection_with():
        pytest.fail("It was given.")


def test_a_production_store_is_allowed_by_its_setting(production: Any) -> None:
    production.settings_dict["TEST"]["ALLOW_PRODUCTION"] = True
    assert production.session.namespace() != create(production)


def test_clones_hold_copies(alias: Any) -> None:
    name = create(alias)
    alias.creation.clone_test_db("1", verbosity=0)
    driver = alias.kindstore.driver
    assert {key.path for key in keys(driver, f"{name}_1")} == {key.path for key in keys(driver, name)}
    alias.creation.setup_worker_connection(1)
    assert alias.session.namespace() == f"{name}_1"
    assert rows(alias).filter(app_label="auth", model="user").exists()
    alias.settings_dict["NAMESPACE"] = name


def test_keys_inside_a_clone_point_into_the_clone(alias: Any) -> None:
    name, driver = create(alias), alias.kindstore.driver
    key = Key((("owner", 1),), name)
    driver.commit([Mutation(Verb.UPSERT, key, Entity(key, {"self": key, "all": (key,)}))])
    alias.creation.clone_test_db("1", verbosity=0)
    copy = Key((("owner", 1),), f"{name}_1")
    (row,) = driver.lookup([copy], Shape((Column("self"), Column("all"))))
    assert row == (copy, (copy,))


def test_a_clone_is_destroyed_alone(alias: Any) -> None:
    name, driver = create(alias), alias.kindstore.driver
    alias.creation.clone_test_db("1", verbosity=0)
    alias.creation.clone_test_db("2", verbosity=0)
    alias.creation.destroy_test_db(suffix="1", verbosity=0)
    assert keys(driver, f"{name}_1") == []
    assert keys(driver, f"{name}_2")
    assert keys(driver, name)


def test_a_worker_whose_store_is_empty_migrates_it(alias: Any) -> None:
    create(alias)
    alias.creation.setup_worker_connection(2)
    assert "auth_user" in alias.introspection.table_names()


def test_a_mirror_sees_the_same_namespace(alias: Any, django_db_blocker: Any) -> None:
    name = create(alias)
    with connection_with(**chosen()) as mirror:
        own = mirror.settings_dict["NAMESPACE"]
        mirror.creation.set_as_test_mirror(alias.settings_dict)
        assert mirror.session.namespace() == name
        mirror.close()
        mirror.settings_dict["NAMESPACE"] = own


def test_a_namespace_has_a_test_database_of_its_own(alias: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = alias.creation.test_db_signature()
    assert alias.creation.test_db_signature() == signature
    monkeypatch.setitem(alias.settings_dict, "NAMESPACE", "another")
    assert alias.creation.test_db_signature() != signature


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"TEST": {"NAME": "nightly"}}, "test_nightly"),
        ({"TEST": {"NAME": "test_gw0"}}, "test_gw0"),
        ({"NAMESPACE": "shop", "NAME": ""}, "test_shop"),
        ({"NAMESPACE": "", "NAME": "dev.kindstore"}, "test_dev.kindstore"),
        ({"NAMESPACE": "", "NAME": "/var/a b"}, "test_var_a_b-c75f642d"),
    ],
)
def test_the_namespace_has_a_name_that_stores_take(given: dict[str, Any], expected: str) -> None:
    assert creation_of(given)._get_test_db_name() == expected


def test_a_long_name_is_cut() -> None:
    assert len(f"{creation_of({'TEST': {'NAME': 'x' * 500}})._get_test_db_name()}_16") <= 100


def creation_of(entry: dict[str, Any]) -> DatabaseCreation:
    """Return what makes the test database of an entry of DATABASES that no store belongs to."""
    return DatabaseCreation(SimpleNamespace(settings_dict={"TEST": {"NAME": None}, **entry}))


def test_the_namespace_of_the_alias_itself_is_refused(alias: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(alias.settings_dict["TEST"], "NAME", alias.settings_dict["NAMESPACE"])
    with pytest.raises(ImproperlyConfigured, match="which is the NAMESPACE of the alias itself"):
        create(alias)


def test_rows_are_serialized_and_restored(alias: Any) -> None:
    create(alias)
    text = alias.creation.serialize_db_to_string()
    before = sorted(rows(alias).values_list("pk", "model"))
    rows(alias).all().delete()
    with override_settings(DATABASE_ROUTERS=[Everything(alias.alias)]):
        alias.creation.deserialize_db_from_string(text)
    assert sorted(rows(alias).values_list("pk", "model")) == before


class Everything:
    """A router that sends every row to one alias."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def db_for_write(self, model: Any, **_hints: Any) -> str:
        return self.alias


class TestTenants:
    """The NAMESPACE of the alias is a callable."""

    @pytest.fixture
    def tenants(self, alias: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        """The alias with the tenants a and b; `current` is the one of now."""
        self.current = "a"
        entry = alias.settings_dict
        monkeypatch.setitem(entry["TEST"], "NAME", f"of_{entry['NAMESPACE']}")
        monkeypatch.setitem(entry, "NAMESPACE", lambda: self.current)
        self.name = alias.creation._get_test_db_name()
        self.driver = alias.kindstore.driver
        alias.close()
        yield alias
        for suffix in ("", "_1"):
            for tenant in ("", ".a", ".b"):
                self.driver.reset(f"{self.name}{suffix}{tenant}")

    def test_each_has_a_namespace_below_the_test_database(self, tenants: Any) -> None:
        create(tenants)
        assert tenants.session.namespace() == f"{self.name}.a"
        assert rows(tenants).filter(app_label="auth", model="user").exists()
        self.current = "b"
        assert tenants.session.namespace() == f"{self.name}.b"
        assert not rows(tenants).exists()

    def test_what_an_earlier_run_left_is_deleted_at_the_first_use(self, tenants: Any) -> None:
        key = Key((("left", 1),), f"{self.name}.b")
        self.driver.commit([Mutation(Verb.UPSERT, key, Entity(key, {}))])
        create(tenants)
        self.current = "b"
        assert not rows(tenants).exists()
        assert keys(self.driver, f"{self.name}.b") == []

    def test_clones_have_them_all(self, tenants: Any) -> None:
        create(tenants)
        tenants.creation.clone_test_db("1", verbosity=0)
        tenants.creation.setup_worker_connection(1)
        assert tenants.session.namespace() == f"{self.name}_1.a"
        assert rows(tenants).filter(app_label="auth", model="user").exists()

    def test_destroying_deletes_them_all(self, tenants: Any) -> None:
        create(tenants)
        self.current = "b"
        rows(tenants).create(app_label="shop", model="item")
        destroy(tenants)
        assert keys(self.driver, f"{self.name}.a") == keys(self.driver, f"{self.name}.b") == []
        assert tenants.session.namespace() == "b"


def test_a_file_is_never_touched(django_db_blocker: Any, tmp_path: Any) -> None:
    path = tmp_path / "dev.kindstore"
    with django_db_blocker.unblock(), connection_with(driver="memory", NAME=str(path)) as made:
        with override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]):
            create(made)
            assert made.settings_dict["NAME"] == ":memory:"
            made.creation.destroy_test_db(old_database_name=str(path), verbosity=0)
        assert not path.exists()
        assert made.settings_dict["NAME"] == str(path)


def test_a_test_of_django_is_marked_whose_module_was_not_imported(alias: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    package = tmp_path / "marked_suite"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "cases.py").write_text("class Case:\n    def skipped(self): pass\n    def failing(self): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    features = type(alias.features)
    monkeypatch.setattr(features, "django_test_skips", {"why": {"marked_suite.cases.Case.skipped", "elsewhere.Case.it"}}, raising=False)
    monkeypatch.setattr(features, "django_test_expected_failures", {"marked_suite.cases.Case.failing"}, raising=False)
    with override_settings(INSTALLED_APPS=["marked_suite"]):
        alias.creation.mark_expected_failures_and_skips()
        case = sys.modules["marked_suite.cases"].Case
    assert case.skipped.__unittest_skip_why__ == "why"
    assert case.failing.__unittest_expecting_failure__ is True
