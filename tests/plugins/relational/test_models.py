"""Tables are found whatever model reads them: historical ones, unmanaged ones of the same table, and from any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.apps.registry import Apps
from django.db import connections, models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Count, F
from relations.models import Book, Publisher

from kindstore.plugins.relational.scratch import Scratch, scratch_of


def historical(*names: str) -> Any:
    """Return the apps of a migration's state that has these models, without the fields that other models need."""
    state = ProjectState()
    state.add_model(
        ModelState("relations", "Publisher", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=50))])
    )
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("title", models.CharField(max_length=100)),
        ("publisher", models.ForeignKey("relations.Publisher", models.CASCADE, null=True, related_name="books")),
        *((name, models.IntegerField(default=0)) for name in names),
    ]
    state.add_model(ModelState("relations", "Book", fields))
    return state.apps


def test_historical_models() -> None:
    old = historical().get_model("relations", "Book")

    assert list(old.objects.filter(publisher__name="Beta").values_list("title", flat=True)) == ["ORPHAN b"]


def test_columns_change_from_one_state_to_the_next() -> None:
    before, after = historical().get_model("relations", "Publisher"), historical("pages").get_model("relations", "Publisher")

    assert list(before.objects.annotate(n=Count("books")).order_by("pk").values_list("n", flat=True)) == [2, 1, 1]
    assert list(after.objects.filter(books__pages=300).values_list("name", flat=True)) == ["Alpha"]
    assert Publisher.objects.filter(books__rating=4.5).count() == 1


def test_two_models_of_one_table() -> None:
    class Slim(models.Model):
        title = models.CharField(max_length=100)
        book = models.OneToOneField(Book, models.DO_NOTHING, primary_key=True, db_column="id", related_name="+")

        class Meta:
            apps = Apps()
            managed = False
            db_table = "relations_book"
            app_label = "slim"

    found = Slim.objects.filter(book__pages=300).annotate(x=F("title")).values_list("x", "book__pages")
    assert list(found) == [("Engines 100%", 300)]


def test_each_thread_has_a_database_of_its_own() -> None:
    def read(name: str) -> list[int]:
        try:
            return sorted(Book.objects.filter(publisher__name=name).values_list("pk", flat=True))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, ["Alpha", "Beta"] * 10))

    assert found == [[1, 2], [5]] * 10


def test_results_outlive_the_next_query() -> None:
    first = Book.objects.filter(publisher__name="Alpha").order_by("pk").iterator(chunk_size=1)
    assert next(first).pk == 1

    assert Book.objects.filter(publisher__name="Beta").count() == 1

    assert next(first).pk == 2


def test_nothing_is_kept_after_a_query() -> None:
    list(Book.objects.filter(publisher__name="Alpha"))

    scratch = scratch_of(connections["default"], Scratch)
    assert scratch.tables
    assert [scratch.run(f'SELECT count(*) FROM "{name}"', ()) for name in scratch.tables] == [[(0,)]] * len(scratch.tables)
