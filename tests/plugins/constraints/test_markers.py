"""The names of markers: stable, and equal for equal values of one constraint alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from uniques.models import Account, Booking, Draft, Seat, Ticket

from kindstore.core.datamodel import Entity, GeoPoint, Key
from kindstore.plugins.constraints.digests import DIGITS, digest
from kindstore.plugins.constraints.markers import MARKERS, marker_key
from kindstore.plugins.constraints.uniques import Unique, marker, marker_range, uniques_of

MOMENT = dt.datetime(2024, 2, 29, tzinfo=dt.UTC)
KEY = Key((("a", 1),), "n")
NAN = float("nan")
# Values of which no two are one to a unique constraint, though some look or compare alike.
DIFFERENT: list[tuple[Any, ...]] = [
    (None,), (True,), (False,), (1,), (0,), (-1,), (1.0,), (0.0,), (NAN,), ("1",), ("",), ("n",), (b"",), (b"1",), (MOMENT,),
    (int(MOMENT.timestamp()) * 10**6,), (KEY,), (Key((("a", "1"),), "n"),), (Key((("a", 1),)),), (GeoPoint(1, 2),), (GeoPoint(2, 1),),
    ((),), (("a",),), (("a", "b"),), (Entity(None, {}),), (Entity(None, {"a": 1}),), (Entity(None, {"a": "1"}),), ("a", "b"), ("ab", ""),
    ("", "ab"), ("a", None), ("a1:s", "b"), (), ("i1:1",),
]  # fmt: skip


def test_values_that_are_not_equal_have_different_digests() -> None:
    assert len({digest(values) for values in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("one", "other"), [((0.0,), (-0.0,)), ((NAN,), (-NAN,)), ((Entity(None, {"a": 1, "b": 2}),), (Entity(None, {"b": 2, "a": 1}),))]
)
def test_values_that_are_equal_have_one_digest(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert digest(one) == digest(other)


def test_digests_stay_as_they_are_for_what_is_stored() -> None:
    assert digest(("a@x.org",)) == "99356314912cfab60995af1c665af46eaba0d819"
    assert digest((1, None, True, MOMENT)) == "b00699d5dea5dd8a445b83bc9236b46d6b5f58a8"


def test_a_marker_is_named_after_the_table_the_columns_and_the_values() -> None:
    (claims,) = uniques_of(Account, connection).claims([Entity(Key((("uniques_account", 5),), "n"), {"email": "a@x.org", "handle": None})])
    ((key, unique),) = claims.items()
    assert key == Key(((MARKERS, f"uniques_account|email|{digest(('a@x.org',))}"),), "n")
    assert (unique.name, unique.fields, unique.columns, unique.deferred) == ("email", ("email",), ("email",), False)


def test_a_marker_tells_its_row_table_and_constraint() -> None:
    unique = Unique("name", ("name",), ("name",), "name", False)
    entity = marker(Key(((MARKERS, "x"),)), KEY, unique, "commit")
    assert entity.properties == {"owner": KEY, "table": "a", "constraint": "name", "commit": "commit"}
    assert entity.unindexed == {"table", "constraint", "commit"}


@pytest.mark.parametrize(
    ("model", "identities"),
    [
        (Account, ["email", "handle"]),
        (Booking, ["day,room"]),
        (Seat, ["number,row=nulls", "code"]),
        (Draft, ["=one_live_slug", "=one_kind", "=one_pair"]),
        (Ticket, ["code,seat"]),
    ],
)
def test_constraints_are_known_by_their_columns_or_else_by_their_names(model: Any, identities: list[str]) -> None:
    assert [unique.identity for unique in uniques_of(model, connection).all] == identities


def test_the_markers_of_a_table_and_of_a_constraint_are_in_a_range_of_keys() -> None:
    key = marker_key("a", "n", "x,y", "0" * DIGITS)
    for low, high in (marker_range("a", "n"), marker_range("a", "n", "x,y")):
        assert low.path < key.path < high.path
        assert low.namespace == high.namespace == "n"


@pytest.mark.parametrize(("table", "identity"), [("a", "x"), ("a", "x,y,z"), ("a|x,y", "x"), ("ab", "x,y"), ("A", "x,y"), ("a}", "x,y")])
def test_other_markers_are_not_in_the_range_of_a_constraint(table: str, identity: str) -> None:
    low, high = marker_range("a", "n", "x,y")
    assert not low.path <= marker_key(table, "n", identity, "0" * DIGITS).path < high.path


def test_the_name_of_a_marker_is_never_too_long() -> None:
    key = marker_key("t" * 1500, "n", ",".join(f"a_rather_long_column_{number}" for number in range(100)), "0" * DIGITS)
    low, high = marker_range("t" * 1500, "n")
    assert len(str(key.id_or_name).encode()) <= 1500
    assert low.path < key.path < high.path
