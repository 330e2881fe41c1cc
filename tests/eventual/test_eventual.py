"""At consistency 0.0 no query of Cloud Datastore sees a write until something looked its entity group up. What is right all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError

from kindstore.contrib.consistency import ensure_instance_consistent

pytestmark = pytest.mark.eventual


@pytest.fixture(autouse=True)
def namespace(own_store: Any) -> Iterator[None]:
    """Let each test have a store of its own: what another wrote cannot be found, so it cannot be flushed."""
    with own_store("eventual"):
        yield


@pytest.fixture
def unseen() -> Group:
    """A row that no query finds yet."""
    return Group.objects.create(name="old")


@pytest.fixture
def seen(unseen: Group) -> Group:
    """A row that queries find, because it was looked up."""
    return Group.objects.get(pk=unseen.pk)


def test_a_queryset_that_is_made_consistent_finds_what_was_just_written(unseen: Group) -> None:
    assert list(ensure_instance_consistent(Group.objects.filter(name=unseen.name), unseen.pk)) == [unseen]


def test_a_query_misses_what_was_just_written(unseen: Group) -> None:
    assert not Group.objects.filter(name=unseen.name).exists()


def test_a_lookup_by_key_does_not(unseen: Group) -> None:
    assert Group.objects.get(pk=unseen.pk).name == "old"


def test_neither_do_several(unseen: Group) -> None:
    assert list(Group.objects.filter(pk__in=[unseen.pk, unseen.pk + 1])) == [unseen]


def test_a_query_finds_what_was_looked_up(seen: Group) -> None:
    assert Group.objects.filter(name="old").get() == seen


def test_an_update_does_not_touch_a_row_that_no_longer_matches(seen: Group) -> None:
    Group.objects.filter(pk=seen.pk).update(name="new")
    assert Group.objects.filter(name="old").exists()  # says the index
    assert Group.objects.filter(name="old").update(name="overwritten") == 0
    assert Group.objects.get(pk=seen.pk).name == "new"


def test_a_delete_by_query_does_not_touch_a_row_that_no_longer_matches(seen: Group) -> None:
    Group.objects.filter(pk=seen.pk).update(name="new")
    assert Group.objects.filter(name="old").exists()  # says the index
    Group.objects.filter(name="old")._raw_delete("default")
    assert Group.objects.get(pk=seen.pk).name == "new"


def test_a_key_that_is_taken_is_refused_although_no_query_finds_it(unseen: Group) -> None:
    with pytest.raises(IntegrityError):
        Group.objects.create(pk=unseen.pk, name="other")
    assert Group.objects.get(pk=unseen.pk).name == "old"
