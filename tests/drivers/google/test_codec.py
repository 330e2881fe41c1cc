from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st

from kindstore.core.datamodel import ENTITY, ID, KEY, Column, Entity, GeoPoint, Key, Shape, Type, UnexpectedType
from kindstore.core.datamodel.errors import InvalidRequest
from kindstore.drivers.datastore import messages
from kindstore.drivers.datastore.decode import PROJECTED, decode_entity
from kindstore.drivers.datastore.encode import encode_key, encode_properties, property_path
from kindstore.drivers.datastore.keys import Home, decode_key
from kindstore.drivers.datastore.rows import row_decoder, source

HOME = Home("project")
AT = Key((("Thing", 1),))

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=20)
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
    | st.builds(lambda ident: Key((("A", ident),)), st.integers(1, 2**63 - 1) | st.text("abcé", min_size=1))
)
names = st.text("abc.é{}'\"\\ %", min_size=1, max_size=8)
flat = scalars | st.lists(scalars, max_size=4).map(tuple)
values = flat | st.dictionaries(names, flat, max_size=3).map(lambda properties: Entity(None, properties))


def stored(properties, unindexed=frozenset()):
    """Send properties through their wire format."""
    result = messages.EntityResult()
    encode_key(result.entity.key, AT, HOME)
    encode_properties(result.entity.properties, properties, unindexed, HOME, AT)
    return messages.EntityResult.FromString(result.SerializeToString())


def read(result, *columns):
    (row,) = row_decoder(Shape(columns), HOME)([result])
    return row


@given(st.dictionaries(names, values, max_size=6))
def test_every_entity_survives_the_wire(properties):
    assert decode_entity(stored(properties).entity, 0, HOME) == Entity(AT, properties)


@given(st.dictionaries(names, values, min_size=1, max_size=6))
def test_a_row_holds_what_was_stored(properties):
    columns = [Column(name) for name in properties]
    assert read(stored(properties), *columns) == tuple(properties.values())


@given(names, st.sampled_from(Type), st.booleans())
def test_the_source_of_a_decoder_compiles_for_any_name(name, kind, nullable):
    shape = Shape((Column(name, kind, nullable=nullable),))
    compile(source(shape), "test", "exec")
    assert row_decoder(shape, HOME)([stored({"zzz": 1})]) == [(None,)]


def test_an_entity_beside_columns_does_not_get_the_missing_ones():
    row = read(stored({"a": 1}), Column("missing", Type.STR), Column(ENTITY), Column("also missing"))
    assert row == (None, Entity(AT, {"a": 1}), None)


def test_a_shape_without_columns_gives_empty_rows():
    assert row_decoder(Shape(()), HOME)([stored({}), stored({})]) == [(), ()]


def test_key_and_id_are_read():
    assert read(stored({}), Column(ID), Column(KEY)) == (1, AT)


@pytest.mark.parametrize(
    ("kind", "field", "held", "value"),
    [
        (Type.TIMESTAMP, "integer_value", 1_700_000_000_123_456, datetime(2023, 11, 14, 22, 13, 20, 123456, UTC)),
        (Type.TIMESTAMP, "integer_value", 0, datetime(1970, 1, 1, tzinfo=UTC)),
        (Type.BYTES, "string_value", "é", "é".encode()),
        (Type.BYTES, "string_value", "", b""),
    ],
)
def test_what_an_index_answered_gets_its_type_back(kind, field, held, value):
    result = stored({})
    setattr(result.entity.properties["p"], field, held)
    result.entity.properties["p"].meaning = PROJECTED
    assert read(result, Column("p", kind)) == (value,)


def test_without_the_meaning_it_is_another_type():
    with pytest.raises(UnexpectedType, match="holds a int, but a timestamp"):
        read(stored({"p": 5}), Column("p", Type.TIMESTAMP))


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "plain"), [(Level.HIGH, 3), (mark_safe("x"), "x"), (type("Float", (float,), {})(1.5), 1.5), ([1, 2], (1, 2))]
)
def test_subclasses_are_stored_as_their_base(value, plain):
    (found,) = read(stored({"p": value}), Column("p"))
    assert (type(found), found) == (type(plain), plain)


def test_an_error_names_the_way_into_an_embedded_entity():
    inner = Entity(None, {"b": Entity(None, {"c": 2**63})})
    with pytest.raises(InvalidRequest, match=r"Property 'a\.b\.c' of entity Thing:1 .* does not fit into 64 bits\."):
        stored({"a": inner})


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_timestamp_column_is_exact(moment):
    assert read(stored({"p": moment}), Column("p", Type.TIMESTAMP)) == (moment,)


def test_a_moment_with_an_offset_is_stored_in_utc():
    from datetime import timezone

    there = datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    assert read(stored({"p": there}), Column("p")) == (datetime(2024, 1, 1, tzinfo=UTC),)


@pytest.mark.parametrize(
    ("name", "path"), [("plain", "plain"), ("_x1", "_x1"), ("a.b", "`a.b`"), ("1st", "`1st`"), ("a`b", "`a\\`b`"), ("a\\b", "`a\\\\b`")]
)
def test_a_path_quotes_names_that_are_no_identifiers(name, path):
    assert property_path(name) == path


def test_an_incomplete_embedded_key_is_none():
    message = messages.Key()
    message.path.add(kind="Thing")
    assert decode_key(message, HOME) is None
