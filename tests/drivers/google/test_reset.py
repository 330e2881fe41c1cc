from __future__ import annotations

import pytest

from kindstore.core.datamodel import ID, Column, Entity, Key, Mutation, Query, Shape, Verb
from kindstore.drivers.datastore.channel import Channel
from kindstore.drivers.datastore.driver import DatastoreDriver
from kindstore.drivers.datastore.keys import Home
from kindstore.drivers.datastore.unsettled import Unsettled
from kindstore.testing.emulator import Emulator

pytestmark = pytest.mark.usefixtures("datastore_emulator")  # tells the session that one has to be installed

IDS = Shape((Column(ID),))


@pytest.fixture(scope="module")
def driver():
    """A driver of an emulator whose queries never see a write by themselves."""
    with Emulator("datastore", consistency=0.0) as emulator:
        driver = DatastoreDriver(Channel(emulator.host, secure=False), Home("kindstore-reset"), emulated=True)
        yield driver
        driver.close()


def keys(namespace, count):
    return [Key((("Thing", ident),), namespace) for ident in range(1, count + 1)]


def test_a_reset_deletes_what_no_query_shows(driver):
    written = keys("unseen", 20)
    driver.commit([Mutation(Verb.INSERT, key, Entity(None, {})) for key in written])
    assert [page.rows for page in driver.run_query(Query("Thing", "unseen"), IDS)] == [[]]
    driver.reset("unseen")
    assert driver.lookup(written, IDS) == [None] * 20


def test_a_reset_ends_though_queries_go_on_showing_what_it_deleted(driver):
    written = keys("shown", 20)
    driver.commit([Mutation(Verb.INSERT, key, Entity(None, {})) for key in written])
    driver.lookup(written, IDS)
    driver.reset("shown")
    assert driver.lookup(written, IDS) == [None] * 20


def test_a_reset_forgets_what_it_looked_up(driver):
    driver.commit([Mutation(Verb.INSERT, key, Entity(None, {})) for key in keys("twice", 5)])
    driver.reset("twice")
    assert len(driver._unsettled) == 0


def test_only_the_last_groups_are_kept_for_a_reset():
    unsettled = Unsettled(most=3)
    first, second, third, fourth = keys("many", 4)
    unsettled.add([first, second, third, first.child("Part", 1), fourth])
    assert unsettled.within("many") == [third, first, fourth]


def test_the_groups_of_another_namespace_stay():
    unsettled = Unsettled()
    here, there = (keys(namespace, 1) for namespace in ("here", "there"))
    unsettled.add([*here, *there])
    unsettled.forget(unsettled.within("here"))
    assert [unsettled.within("here"), unsettled.within("there")] == [[], there]
