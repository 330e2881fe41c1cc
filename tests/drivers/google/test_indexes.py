from __future__ import annotations

import pytest

from kindstore.core.datamodel import ID, And, Column, Entity, Key, Mutation, Op, Order, Query, Shape, Test, Verb
from kindstore.core.datamodel.errors import MissingIndex
from kindstore.drivers.datastore.channel import Channel
from kindstore.drivers.datastore.driver import DatastoreDriver
from kindstore.drivers.datastore.keys import Home
from kindstore.testing.emulator import Emulator

pytestmark = pytest.mark.usefixtures("datastore_emulator")  # tells the session that one has to be installed

IDS = Shape((Column(ID),))
INDEXES = """\
indexes:
- kind: Thing
  properties:
  - name: a
  - name: b
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """A driver of an emulator that demands indexes, and has one."""
    index_file = tmp_path_factory.mktemp("indexes") / "index.yaml"
    index_file.write_text(INDEXES)
    with Emulator("datastore", require_indexes=True, index_file=index_file) as emulator:
        driver = DatastoreDriver(Channel(emulator.host, secure=False), Home("kindstore-indexes"), emulated=True)
        driver.commit([Mutation(Verb.UPSERT, Key((("Thing", 1),)), Entity(None, {"a": 1, "b": 2, "c": 3}))])
        yield driver
        driver.close()


def test_a_query_whose_index_is_missing_says_so(driver):
    query = Query("Thing", filter=Test("a", Op.EQ, 1), orders=(Order("c"),))
    with pytest.raises(MissingIndex, match=r"composite index.*Deploy"):
        list(driver.run_query(query, IDS))


def test_a_query_whose_index_is_there_is_answered(driver):
    query = Query("Thing", filter=And((Test("a", Op.EQ, 1), Test("b", Op.GT, 1))), orders=(Order("b"),))
    assert [page.rows for page in driver.run_query(query, IDS)] == [[(1,)]]
