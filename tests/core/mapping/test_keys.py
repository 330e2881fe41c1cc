"""Between primary keys and entity keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindstore.core.datamodel import Key
from kindstore.core.mapping.conversion import Refusal
from kindstore.core.mapping.keys import CompositeKeys, FlatKeys, is_identifier

names = st.text(min_size=1, max_size=300).filter(lambda name: not (name.startswith("__") and name.endswith("__")))
ids = st.integers(-(2**63), 2**63 - 1).filter(bool)


@given(names | ids)
def test_a_primary_key_is_the_end_of_the_path_and_comes_back(value: Any) -> None:
    codec = FlatKeys("app_model")
    key = codec.key((value,), "tenant")
    assert key == Key((("app_model", value),), "tenant")
    assert codec.values(key) == (value,)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "is 0"),
        ("", "empty"),
        ("__x__", "'__x__'"),
        ("____", "'____'"),
        ("__\n__", "reserves"),
        ("x" * 1501, "1501 bytes"),
        ("é" * 751, "1502 bytes"),
        (None, "NoneType"),
        (1.5, "float"),
    ],
)
def test_what_cannot_name_an_entity_is_refused(value: Any, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        FlatKeys("K").key((value,), "")
    assert not is_identifier(value)


@pytest.mark.parametrize("value", [1, -1, "x", "__", "___", "__x", "x__", "x" * 1500, "é" * 750])
def test_what_can_name_an_entity(value: Any) -> None:
    assert is_identifier(value)


@given(
    st.lists(st.integers() | st.text(max_size=20), min_size=2, max_size=3),
    st.lists(st.integers() | st.text(max_size=20), min_size=2, max_size=3),
)
def test_composite_keys_are_equal_only_for_equal_values(first: list[Any], second: list[Any]) -> None:
    codec = CompositeKeys("K")
    assert (codec.key(first, "") == codec.key(second, "")) is (first == second)
