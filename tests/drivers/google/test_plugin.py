from __future__ import annotations

import math
import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from google.auth.credentials import AnonymousCredentials

from kindstore.core.datamodel import ID, Column, Entity, Key, Mutation, Shape, Verb
from kindstore.core.settings import AliasSettings
from kindstore.drivers.datastore.capabilities import EMULATOR_REQUEST_BYTES, LEGACY
from kindstore.drivers.datastore.plugin import DatastorePlugin
from kindstore.drivers.firestore_datastore_mode.capabilities import FIRESTORE
from kindstore.drivers.firestore_datastore_mode.plugin import FirestorePlugin

PLUGINS = pytest.mark.parametrize("plugin", [DatastorePlugin, FirestorePlugin])


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("DATASTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "DATASTORE_PROJECT_ID", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


def settings(**given):
    given.setdefault("driver_options", {"emulator_host": "localhost:1"})
    return AliasSettings("default", "", **given)


@PLUGINS
def test_an_unknown_option_lists_the_known_ones(plugin):
    with pytest.raises(ImproperlyConfigured, match=r"unknown option 'emulater_host'.*'emulator_host'.*'timeout'"):
        plugin().driver(settings(project="p", driver_options={"emulater_host": "x"}))


@PLUGINS
@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        *(("timeout", value, "a number of seconds above 0") for value in ("x", "30", True, 0, -1, math.nan, math.inf, [3])),
        ("emulator_host", 8081, "a string"),
        ("endpoint", ("localhost", 1), "a string"),
    ],
)
def test_an_option_of_a_wrong_type_is_named(plugin, option, value, wanted):
    place = re.escape(f"DATABASES['default']['OPTIONS']['driver'][{option!r}] is {value!r}; it must be {wanted}.")
    with pytest.raises(ImproperlyConfigured, match=place):
        plugin().driver(settings(project="p", driver_options={option: value}))


def test_the_endpoint_of_the_administration_is_a_string():
    with pytest.raises(ImproperlyConfigured, match=r"\['admin_endpoint'\] is 1; it must be a string"):
        FirestorePlugin().driver(settings(project="p", driver_options={"admin_endpoint": 1}))


@PLUGINS
def test_an_option_that_is_none_is_as_good_as_left_out(plugin, monkeypatch):
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", "localhost:1")
    options = dict.fromkeys(("emulator_host", "endpoint", "timeout"))
    driver, plain = (plugin().driver(settings(project="p", driver_options=given)) for given in (options, {}))
    assert (driver.identity, driver._call._timeout) == (plain.identity, plain._call._timeout)


@PLUGINS
@pytest.mark.parametrize("variable", ["GOOGLE_CLOUD_PROJECT", "DATASTORE_PROJECT_ID"])
def test_the_project_may_come_from_the_environment(plugin, variable, monkeypatch):
    monkeypatch.setenv(variable, "from-there")
    assert plugin().driver(settings()).home.project == "from-there"


@PLUGINS
def test_the_project_of_the_settings_goes_first(plugin, monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-there")
    assert plugin().driver(settings(project="mine")).home.project == "mine"


@PLUGINS
def test_a_missing_project_says_where_to_set_it(plugin):
    with pytest.raises(ImproperlyConfigured, match=r"'PROJECT'.*GOOGLE_CLOUD_PROJECT"):
        plugin().driver(settings())


def test_the_project_may_come_from_the_credentials():
    credentials = AnonymousCredentials()
    credentials.project_id = "theirs"
    driver = DatastorePlugin().driver(settings(credentials=credentials, driver_options={}))
    assert (driver.home.project, driver.is_production) == ("theirs", True)


def test_credentials_that_cannot_be_read_are_an_error(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="CREDENTIALS"):
        DatastorePlugin().driver(settings(credentials=str(tmp_path / "missing.json"), driver_options={}))


@PLUGINS
def test_the_emulator_may_come_from_the_environment(plugin, monkeypatch):
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", "localhost:8081")
    driver = plugin().driver(settings(project="p", driver_options={}))
    assert (driver.is_production, driver.identity) == (False, "google:localhost:8081/p/(default)")


@pytest.mark.parametrize(("plugin", "capabilities"), [(DatastorePlugin, LEGACY), (FirestorePlugin, FIRESTORE)])
def test_an_emulator_takes_smaller_requests(plugin, capabilities):
    emulated = plugin().driver(settings(project="p")).capabilities
    real = plugin().driver(settings(project="p", driver_options={})).capabilities
    assert (real, emulated.request_bytes) == (capabilities, EMULATOR_REQUEST_BYTES)


def test_both_engines_on_one_store_have_one_identity():
    drivers = [plugin().driver(settings(project="p")) for plugin in (DatastorePlugin, FirestorePlugin)]
    assert drivers[0].identity == drivers[1].identity


def test_two_databases_differ_in_identity():
    identities = {FirestorePlugin().driver(settings(project="p", database=name)).identity for name in ("", "(default)", "other")}
    assert len(identities) == 2


def test_the_legacy_store_has_no_named_databases():
    with pytest.raises(ImproperlyConfigured, match="firestore_datastore_mode"):
        DatastorePlugin().driver(settings(project="p", database="other"))


def test_named_databases_are_apart(firestore_emulator):
    options = {"emulator_host": firestore_emulator}
    here, there = (FirestorePlugin().driver(settings(project="p", database=name, driver_options=options)) for name in ("", "there"))
    key = Key((("Thing", 1),), "named")
    here.commit([Mutation(Verb.UPSERT, key, Entity(None, {"p": "here"}))])
    there.commit([Mutation(Verb.UPSERT, key, Entity(None, {"p": "there"}))])
    shape = Shape((Column("p"), Column(ID)))
    assert (here.lookup([key], shape), there.lookup([key], shape)) == ([("here", 1)], [("there", 1)])
    there.reset("named")
    assert (here.lookup([key], shape), there.lookup([key], shape)) == ([("here", 1)], [None])
    here.reset("named")
    here.close()
    there.close()


@PLUGINS
def test_without_the_library_it_says_what_to_install(plugin, monkeypatch):
    def missing(_settings):
        raise ModuleNotFoundError("No module named 'google'", name="google")

    monkeypatch.setattr(plugin, "make", staticmethod(missing))
    with pytest.raises(ImproperlyConfigured, match=rf"Install django-kindstore\[{plugin.extra}\]"):
        plugin().driver(settings(project="p"))
