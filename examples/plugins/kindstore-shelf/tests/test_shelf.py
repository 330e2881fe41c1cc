"""What is a shelf's own: its file, and who shares it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection
from kindstore_shelf import ShelfPlugin
from kindstore_shelf.driver import ShelfDriver
from kindstore_shelf.shelf import Shelf

from kindstore.core.datamodel import ID, Column, Entity, Key, Mutation, Query, Row, Shape, Verb
from kindstore.core.datamodel.errors import AlreadyExists, Contention
from kindstore.core.driver import ReadOptions
from kindstore.core.settings import AliasSettings

SHAPE = Shape((Column(ID), Column("title")))


def book(number: int, title: str, verb: Verb = Verb.UPSERT) -> Mutation:
    key = Key((("Book", number),))
    return Mutation(verb, key, Entity(key, {"title": title}))


def books(driver: ShelfDriver) -> list[Row]:
    return [row for page in driver.run_query(Query("Book"), SHAPE) for row in page.rows]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.shelf"


@pytest.fixture
def shelf(path: Path) -> ShelfDriver:
    driver = ShelfDriver(str(path))
    driver.commit([book(1, "Emma"), book(2, "Persuasion")])
    return driver


def reopened(path: Path) -> list[str]:
    return sorted(str(entity.properties["title"]) for entity in Shelf(str(path)).entities.values())


@pytest.mark.usefixtures("shelf")
def test_what_was_committed_is_there_when_the_file_is_opened_again(path: Path) -> None:
    assert reopened(path) == ["Emma", "Persuasion"]


def test_so_are_changes_and_deletions(path: Path, shelf: ShelfDriver) -> None:
    shelf.commit([book(1, "Sanditon"), Mutation(Verb.DELETE, Key((("Book", 2),)))])
    assert reopened(path) == ["Sanditon"]


def test_a_commit_that_fails_is_not_written(path: Path, shelf: ShelfDriver) -> None:
    with pytest.raises(AlreadyExists):
        shelf.commit([book(3, "Sanditon"), book(1, "Emma", Verb.INSERT)])
    assert reopened(path) == ["Emma", "Persuasion"]


@pytest.mark.parametrize("kept", [1, 8, 9, 100])
def test_a_commit_that_was_cut_short_is_dropped(path: Path, shelf: ShelfDriver, kept: int) -> None:
    whole = path.read_bytes()
    shelf.commit([book(3, "Sanditon")])
    path.write_bytes(path.read_bytes()[: len(whole) + kept])
    assert reopened(path) == ["Emma", "Persuasion"]
    assert path.read_bytes() == whole


def test_drivers_of_one_file_share_it(path: Path, shelf: ShelfDriver) -> None:
    other = ShelfDriver(str(path))
    other.commit([book(3, "Sanditon")])
    assert books(shelf) == [(1, "Emma"), (2, "Persuasion"), (3, "Sanditon")]
    assert other.identity == shelf.identity


def test_a_transaction_whose_reading_is_outdated_fails(shelf: ShelfDriver) -> None:
    transaction = shelf.begin()
    shelf.lookup([Key((("Book", 1),))], SHAPE, ReadOptions(transaction))
    shelf.commit([book(1, "Sanditon")])
    with pytest.raises(Contention):
        shelf.commit([book(2, "Emma")], transaction)
    assert books(shelf) == [(1, "Sanditon"), (2, "Persuasion")]


def test_a_transaction_that_read_something_else_passes(shelf: ShelfDriver) -> None:
    transaction = shelf.begin()
    shelf.lookup([Key((("Book", 2),))], SHAPE, ReadOptions(transaction))
    shelf.commit([book(1, "Sanditon")])
    shelf.commit([book(2, "Emma")], transaction)
    assert books(shelf) == [(1, "Sanditon"), (2, "Emma")]


def test_an_option_is_refused() -> None:
    settings = AliasSettings(alias="default", name="", driver_options={"size": 1})
    with pytest.raises(ImproperlyConfigured, match="a shelf has none"):
        ShelfPlugin().driver(settings)


@pytest.mark.django_db
def test_django_runs_on_it() -> None:
    User.objects.bulk_create([User(pk=pk, username=name, last_name=name) for pk, name in enumerate(("ants", "bees", "cats"), 1)])
    User.objects.filter(last_name__in=["ants", "cats"]).update(last_name="birds")
    assert connection.vendor == "kindstore"
    assert list(User.objects.order_by("-pk").values_list("pk", "last_name")) == [(3, "birds"), (2, "bees"), (1, "birds")]
    assert User.objects.exclude(last_name="birds").count() == 1


@pytest.mark.django_db
def test_a_taken_key_is_an_integrity_error() -> None:
    Group.objects.create(pk=1, name="ants")
    with pytest.raises(IntegrityError):
        Group.objects.create(pk=1, name="bees")
