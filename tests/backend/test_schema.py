"""Operations of migrations: what becomes of the catalog and of the entities."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DataError, IntegrityError, NotSupportedError, ProgrammingError, models, transaction
from django.db.migrations import operations as ops
from django.db.transaction import TransactionManagementError
from django.test import override_settings

from kindstore.core.backend import rewriting
from kindstore.core.backend.catalog import Catalog
from kindstore.core.datamodel import Entity, Mutation, Verb
from kindstore.testing import assertNumRPCs, connection_with

from .conftest import Store, chosen

CONTRIB = ["admin", "auth", "contenttypes", "sessions", "sites", "flatpages", "redirects", "messages"]


def item(**fields: models.Field) -> ops.CreateModel:
    return ops.CreateModel("Item", [("id", models.BigAutoField(primary_key=True)), *fields.items()])


def columns(store: Store, kind: str = "shop_item") -> list[str]:
    return [column.name for column in Catalog(store.connection).require(kind).columns]


@pytest.fixture(params=[True, False], ids=["masks", "whole entities"])
def either_way(request: pytest.FixtureRequest, store: Store) -> Store:
    """A store that writes single properties if it can, and one that writes whole entities."""
    session = store.connection.session
    if not request.param:
        session.capabilities = replace(session.capabilities, property_masks=False)
    return store


class TestModels:
    def test_creating_one_writes_an_entry(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)))
        assert columns(store) == ["id", "name"]

    def test_creating_one_writes_the_entry_of_a_through_table(self, store: Store) -> None:
        store.apply(
            item(), ops.CreateModel("Box", [("id", models.BigAutoField(primary_key=True)), ("items", models.ManyToManyField("shop.Item"))])
        )
        assert columns(store, "shop_box_items") == ["id", "box_id", "item_id"]

    def test_creating_one_twice_is_refused(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)))
        store.state = type(store.state)()
        with pytest.raises(ProgrammingError, match=r"'shop_item' is already in the catalog .* run `migrate --fake-initial`"):
            store.apply(item(name=models.CharField(max_length=50)))

    def test_creating_one_goes_on_after_an_interruption(self, store: Store) -> None:
        store.apply_and_fail(item())
        store.apply(item())
        assert columns(store) == ["id"]

    def test_creating_one_after_an_interruption_is_refused_where_they_differ(self, store: Store) -> None:
        store.apply_and_fail(item(name=models.CharField(max_length=50)))
        with pytest.raises(ProgrammingError, match="'shop_item' is already in the catalog"):
            store.apply(item(other=models.CharField(max_length=50)))

    def test_one_is_created_once_after_an_interruption(self, store: Store) -> None:
        store.apply_and_fail(item())
        store.apply(item())
        store.state = type(store.state)()
        with pytest.raises(ProgrammingError, match="'shop_item' is already in the catalog"):
            store.apply(item())

    def test_deleting_one_deletes_its_entities_and_its_entry(self, store: Store) -> None:
        store.apply(item())
        store.rows("Item").create()
        store.apply(ops.DeleteModel("Item"))
        assert store.entities("shop_item") == []
        assert Catalog(store.connection).names() == []

    def test_deleting_one_deletes_its_through_tables(self, store: Store) -> None:
        store.apply(item(friends=models.ManyToManyField("self")), ops.DeleteModel("Item"))
        assert Catalog(store.connection).names() == []

    def test_an_impossible_key_is_refused(self, store: Store) -> None:
        with pytest.raises(NotSupportedError, match="JSONField and the primary key"):
            store.apply(ops.CreateModel("Item", [("id", models.JSONField(primary_key=True))]))

    def test_a_generated_field_is_refused(self, store: Store) -> None:
        double = models.GeneratedField(expression=models.F("n") * 2, output_field=models.IntegerField(), db_persist=True)
        with pytest.raises(NotSupportedError, match=r"shop\.Item\.double is a GeneratedField"):
            store.apply(item(n=models.IntegerField(), double=double))


class TestRenamingModels:
    def test_the_entities_move(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)))
        store.rows("Item").bulk_create([store.rows("Item").model(pk=n, name=f"item {n}") for n in range(1, 8)])
        store.apply(ops.AlterModelTable("Item", "goods"))
        assert store.entities("shop_item") == []
        assert list(store.rows("Item").order_by("pk").values_list("pk", "name")) == [(n, f"item {n}") for n in range(1, 8)]

    def test_the_entry_moves(self, store: Store) -> None:
        store.apply(item(), ops.AlterModelTable("Item", "goods"))
        assert Catalog(store.connection).names() == ["goods"]

    def test_references_follow(self, store: Store) -> None:
        store.apply(item(next=models.ForeignKey("self", models.CASCADE, null=True)), ops.AlterModelTable("Item", "goods"))
        assert store.connection.introspection.get_relations(None, "goods")["next_id"][:2] == ("id", "goods")

    def test_through_tables_and_their_columns_follow(self, store: Store) -> None:
        box = ops.CreateModel("Box", [("id", models.BigAutoField(primary_key=True)), ("items", models.ManyToManyField("shop.Item"))])
        store.apply(item(), box)
        one = store.rows("Box").create()
        one.items.add(store.rows("Item").create())
        store.apply(ops.RenameModel("Item", "Thing"))
        (row,) = store.properties("shop_box_items")
        assert row == {"box_id": 1, "thing_id": 1}
        assert columns(store, "shop_thing") == ["id"]

    def test_onto_another_kind_is_refused(self, store: Store) -> None:
        store.apply(item(), ops.CreateModel("Box", [("id", models.BigAutoField(primary_key=True))]))
        with pytest.raises(ProgrammingError, match="cannot be renamed to 'shop_box'"):
            store.apply(ops.AlterModelTable("Item", "shop_box"))


class TestAddingFields:
    def test_entities_get_the_default(self, either_way: Store) -> None:
        store = either_way
        store.apply(item(name=models.CharField(max_length=50)))
        store.rows("Item").create(name="a")
        store.apply(ops.AddField("Item", "size", models.IntegerField(default=7)))
        assert store.properties("shop_item") == [{"name": "a", "size": 7}]
        assert columns(store) == ["id", "name", "size"]

    def test_filters_and_orders_see_the_entities_that_were_there(self, store: Store) -> None:
        store.apply(item())
        store.rows("Item").create()
        store.apply(ops.AddField("Item", "size", models.IntegerField(default=7)), ops.AddField("Item", "note", models.SlugField(null=True)))
        assert store.rows("Item").filter(size=7).count() == 1
        assert store.rows("Item").filter(note=None).count() == 1
        assert len(store.rows("Item").order_by("note")) == 1

    def test_a_one_off_default_is_kept(self, store: Store) -> None:
        store.apply(item())
        store.rows("Item").create()
        store.apply(ops.AddField("Item", "size", models.IntegerField(default=7), preserve_default=False))
        assert store.rows("Item").get().size == 7

    def test_a_literal_database_default_is_written(self, store: Store) -> None:
        store.apply(item())
        store.rows("Item").create()
        store.apply(ops.AddField("Item", "size", models.IntegerField(db_default=7)))
        assert store.properties("shop_item") == [{"size": 7}]

    def test_a_database_default_is_described(self, store: Store) -> None:
        store.apply(item(), ops.AddField("Item", "size", models.IntegerField(db_default=7)))
        assert store.connection.introspection.get_table_description(None, "shop_item")[1].default == "7"

    def test_text_is_not_indexed(self, either_way: Store) -> None:
        store = either_way
        store.apply(item())
        store.rows("Item").create()
        store.apply(ops.AddField("Item", "text", models.TextField(default="x" * 2000)))
        (entity,) = store.entities("shop_item")
        assert entity.unindexed == {"text"}

    def test_without_a_value_for_the_entities_it_is_refused(self, store: Store) -> None:
        store.apply(item())
        store.rows("Item").create()
        with pytest.raises(IntegrityError, match="has no value for the column 'size'"):
            store.apply(ops.AddField("Item", "size", models.IntegerField()))

    def test_a_many_to_many_field_makes_its_through_table(self, store: Store) -> None:
        store.apply(item(), ops.AddField("Item", "friends", models.ManyToManyField("self")))
        assert columns(store, "shop_item_friends") == ["id", "from_item_id", "to_item_id"]

    def test_a_kind_that_was_never_migrated_gets_its_entry(self, store: Store) -> None:
        store.state = store.after(item(name=models.CharField(max_length=50)))
        store.rows("Item").create(name="a")
        store.apply(ops.AddField("Item", "size", models.IntegerField(default=7)))
        assert columns(store) == ["id", "name", "size"]
        assert store.rows("Item").get().size == 7


class TestRemovingFields:
    def test_the_property_is_removed(self, either_way: Store) -> None:
        store = either_way
        store.apply(item(name=models.CharField(max_length=50), text=models.TextField()))
        store.rows("Item").create(name="a", text="b")
        store.apply(ops.RemoveField("Item", "name"))
        (entity,) = store.entities("shop_item")
        assert (dict(entity.properties), set(entity.unindexed)) == ({"text": "b"}, {"text"})
        assert columns(store) == ["id", "text"]

    def test_what_others_wrote_stays(self, either_way: Store) -> None:
        store = either_way
        store.apply(item(name=models.CharField(max_length=50)))
        key = store.key("shop_item", 1)
        store.connection.session.store.commit([Mutation(Verb.UPSERT, key, Entity(key, {"name": "a", "foreign": 1}))])
        store.apply(ops.RemoveField("Item", "name"))
        assert store.properties("shop_item") == [{"foreign": 1}]

    def test_a_many_to_many_field_deletes_its_through_table(self, store: Store) -> None:
        store.apply(item(friends=models.ManyToManyField("self")), ops.RemoveField("Item", "friends"))
        assert Catalog(store.connection).names() == ["shop_item"]

    def test_its_constraints_go_with_it(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)), ops.AddIndex("Item", models.Index(fields=["name"], name="by_name")))
        store.apply(ops.RemoveField("Item", "name"))
        assert Catalog(store.connection).require("shop_item").constraints == ()


# A day begins in TIME_ZONE, which is America/Chicago.
CONVERSIONS = [
    (models.IntegerField(), models.CharField(max_length=20), 12, "12"),
    (models.CharField(max_length=20), models.IntegerField(), "12", 12),
    (models.IntegerField(), models.FloatField(), 12, 12.0),
    (models.IntegerField(), models.DecimalField(max_digits=6, decimal_places=2), 12, Decimal("12.00")),
    (
        models.DecimalField(max_digits=6, decimal_places=2),
        models.DecimalField(max_digits=8, decimal_places=1),
        Decimal("-1.25"),
        Decimal("-1.3"),
    ),
    (models.BooleanField(), models.IntegerField(), True, 1),
    (models.IntegerField(), models.BooleanField(), 0, False),
    (models.DateField(), models.DateTimeField(), dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 6, tzinfo=dt.UTC)),
    (models.DateTimeField(), models.DateField(), dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), dt.date(2024, 2, 29)),
    (models.CharField(max_length=40), models.UUIDField(), str(uuid.UUID(int=1)), uuid.UUID(int=1)),
    (models.JSONField(), models.TextField(), {"a": 1}, '{"a": 1}'),
    (models.TextField(), models.JSONField(), '{"a": 1}', {"a": 1}),
    (models.TextField(), models.BinaryField(), "é", "é".encode()),
    (models.BinaryField(), models.TextField(), "é".encode(), "é"),
    (models.IntegerField(), models.BigIntegerField(), 12, 12),
]


class TestAlteringFields:
    @pytest.mark.parametrize(("old", "new", "before", "after"), CONVERSIONS, ids=lambda value: type(value).__name__)
    def test_values_are_converted(self, store: Store, old: models.Field, new: models.Field, before: Any, after: Any) -> None:
        store.apply(item(value=old.clone()))
        store.rows("Item").create(value=before)
        store.apply(ops.AlterField("Item", "value", new.clone()))
        found = store.rows("Item").get().value
        assert (bytes(found) if isinstance(found, memoryview) else found) == after

    def test_null_stays_null(self, store: Store) -> None:
        store.apply(item(value=models.IntegerField(null=True)))
        store.rows("Item").create(value=None)
        store.apply(ops.AlterField("Item", "value", models.CharField(max_length=10, null=True)))
        assert store.properties("shop_item") == [{"value": None}]

    def test_a_value_that_cannot_be_converted_is_named(self, store: Store) -> None:
        store.apply(item(value=models.CharField(max_length=10)))
        store.rows("Item").create(value="many")
        with pytest.raises(DataError, match=r"entity .*shop_item:1 holds 'many', which cannot become a IntegerField"):
            store.apply(ops.AlterField("Item", "value", models.IntegerField()))
        assert store.properties("shop_item") == [{"value": "many"}]

    def test_a_column_is_renamed(self, either_way: Store) -> None:
        store = either_way
        store.apply(item(name=models.CharField(max_length=50), text=models.TextField()))
        store.rows("Item").create(name="a", text="b")
        store.apply(ops.RenameField("Item", "name", "title"), ops.RenameField("Item", "text", "body"))
        (entity,) = store.entities("shop_item")
        assert (dict(entity.properties), set(entity.unindexed)) == ({"title": "a", "body": "b"}, {"body"})
        assert columns(store) == ["id", "title", "body"]

    def test_constraints_follow_a_renamed_column(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)), ops.AddIndex("Item", models.Index(fields=["name"], name="by_name")))
        store.apply(ops.RenameField("Item", "name", "title"))
        assert store.connection.introspection.get_constraints(None, "shop_item")["by_name"]["columns"] == ["title"]

    @pytest.mark.parametrize("other", [models.TextField(), models.CharField(max_length=2000)], ids=["text", "long string"])
    def test_what_becomes_indexed_is_found(self, store: Store, other: models.Field) -> None:
        store.apply(item(value=other.clone()))
        store.rows("Item").create(value="a")
        store.apply(ops.AlterField("Item", "value", models.CharField(max_length=10)))
        assert store.rows("Item").filter(value="a").count() == 1

    def test_what_becomes_longer_leaves_the_index(self, either_way: Store) -> None:
        store = either_way
        store.apply(item(value=models.CharField(max_length=10)))
        store.rows("Item").create(value="a")
        store.apply(ops.AlterField("Item", "value", models.TextField()))
        assert [entity.unindexed for entity in store.entities("shop_item")] == [{"value"}]

    def test_null_becomes_the_default(self, either_way: Store) -> None:
        store = either_way
        store.apply(item(value=models.IntegerField(null=True)))
        store.rows("Item").bulk_create([store.rows("Item").model(value=None), store.rows("Item").model(value=1)])
        store.apply(ops.AlterField("Item", "value", models.IntegerField(default=7)))
        assert sorted(each["value"] for each in store.properties("shop_item")) == [1, 7]

    def test_null_without_a_default_is_refused(self, store: Store) -> None:
        store.apply(item(value=models.IntegerField(null=True)))
        store.rows("Item").create(value=None)
        with pytest.raises(IntegrityError, match="has no value for the column 'value'"):
            store.apply(ops.AlterField("Item", "value", models.IntegerField()))

    def test_what_is_stored_alike_is_not_read(self, store: Store) -> None:
        store.apply(item(value=models.CharField(max_length=10)))
        with assertNumRPCs(0, using=store.connection.alias, methods=["RunQuery"]):
            store.apply(ops.AlterField("Item", "value", models.CharField(max_length=20, unique=True)))
        assert Catalog(store.connection).require("shop_item").columns[1].max_length == 20

    def test_a_default_is_not_the_business_of_the_store(self, store: Store) -> None:
        store.apply(item(value=models.IntegerField(default=1)))
        with assertNumRPCs(0, using=store.connection.alias):
            store.apply(ops.AlterField("Item", "value", models.IntegerField(default=2)))

    def test_the_reference_to_a_key_follows_its_type(self, store: Store) -> None:
        store.apply(item(), ops.CreateModel("Tag", [("name", models.CharField(max_length=9, primary_key=True))]))
        store.apply(ops.AddField("Item", "tag", models.ForeignKey("shop.Tag", models.CASCADE, null=True)))
        store.apply(ops.AlterField("Tag", "name", models.IntegerField(primary_key=True)))
        assert {column.name: column.type for column in Catalog(store.connection).require("shop_item").columns}["tag_id"] == "integer"


class TestPrimaryKeys:
    def test_another_integer_is_the_same_key(self, store: Store) -> None:
        store.apply(ops.CreateModel("Item", [("id", models.AutoField(primary_key=True))]))
        store.rows("Item").create()
        store.apply(ops.AlterField("Item", "id", models.BigAutoField(primary_key=True)))
        assert Catalog(store.connection).require("shop_item").columns[0].field == "BigAutoField"

    def test_another_name_is_the_same_key(self, store: Store) -> None:
        store.apply(item())
        store.rows("Item").create()
        store.apply(ops.RenameField("Item", "id", "number"))
        assert store.rows("Item").get(number=1).pk == 1

    @pytest.mark.parametrize(
        "operation",
        [
            ops.AlterField("Item", "id", models.CharField(max_length=10, primary_key=True)),
            ops.AddField("Item", "slug", models.SlugField(primary_key=True)),
            ops.RemoveField("Item", "id"),
        ],
        ids=["alter", "add", "remove"],
    )
    def test_another_key_is_refused_where_there_are_entities(self, store: Store, operation: Any) -> None:
        store.apply(item())
        store.rows("Item").create()
        with pytest.raises(NotSupportedError, match="Create a new model, copy the rows by RunPython"):
            store.apply(operation)

    def test_another_key_is_accepted_where_there_are_none(self, store: Store) -> None:
        store.apply(item(), ops.AlterField("Item", "id", models.CharField(max_length=10, primary_key=True)))
        store.rows("Item").create(pk="a")
        assert columns(store) == ["id"]


class TestConstraints:
    def test_unique_together_comes_and_goes(self, store: Store) -> None:
        store.apply(item(a=models.IntegerField(), b=models.IntegerField()), ops.AlterUniqueTogether("Item", {("a", "b")}))
        (constraint,) = Catalog(store.connection).require("shop_item").constraints
        assert (constraint.columns, constraint.unique) == (("a", "b"), True)
        store.apply(ops.AlterUniqueTogether("Item", set()))
        assert Catalog(store.connection).require("shop_item").constraints == ()

    def test_unique_together_goes_after_a_column_was_renamed(self, store: Store) -> None:
        store.apply(item(a=models.IntegerField(), b=models.IntegerField()), ops.AlterUniqueTogether("Item", {("a", "b")}))
        store.apply(ops.RenameField("Item", "a", "c"), ops.AlterUniqueTogether("Item", set()))
        assert Catalog(store.connection).require("shop_item").constraints == ()

    def test_an_index_is_renamed(self, store: Store) -> None:
        store.apply(item(a=models.IntegerField()), ops.AddIndex("Item", models.Index(fields=["-a"], name="old")))
        store.apply(ops.RenameIndex("Item", new_name="new", old_name="old"))
        (index,) = Catalog(store.connection).require("shop_item").constraints
        assert (index.name, index.columns, index.orders) == ("new", ("a",), ("DESC",))

    def test_constraints_come_and_go(self, store: Store) -> None:
        check = models.CheckConstraint(condition=models.Q(a__gt=0), name="positive")
        store.apply(item(a=models.IntegerField()), ops.AddConstraint("Item", check))
        assert store.connection.introspection.get_constraints(None, "shop_item")["positive"]["check"] is True
        store.apply(ops.RemoveConstraint("Item", "positive"))
        assert Catalog(store.connection).require("shop_item").constraints == ()

    def test_a_comment_is_kept(self, store: Store) -> None:
        store.apply(item(), ops.AlterModelTableComment("Item", "What we sell."))
        assert Catalog(store.connection).require("shop_item").comment == "What we sell."


class TestRewriting:
    @pytest.fixture(autouse=True)
    def _small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rewriting, "BATCH", 4)

    def fill(self, store: Store, count: int) -> None:
        store.apply(item(value=models.IntegerField()))
        model = store.rows("Item").model
        store.rows("Item").bulk_create([model(value=n) for n in range(count)])

    def interrupt(self, store: Store, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        """Let the store fail after some more commits."""
        session, left = store.connection.session, iter(range(after))

        def commit(*arguments: Any) -> Any:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return type(session.store).commit(session.store, *arguments)

        monkeypatch.setattr(session.store, "commit", commit)

    def test_an_interrupted_one_goes_on_where_it_stopped(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fill(store, 10)
        operation = ops.AlterField("Item", "value", models.DurationField())
        text = ops.AlterField("Item", "value", models.CharField(max_length=10))
        with monkeypatch.context() as patch:
            self.interrupt(store, patch, after=2)
            with pytest.raises(KeyboardInterrupt):
                store.apply(text)
        with pytest.raises(
            ProgrammingError, match='is in the middle of another step: ALTER TABLE "shop_item" ALTER COLUMN "value" TO "value" string'
        ):
            store.apply(operation)
        store.apply(text)
        assert sorted(each["value"] for each in store.properties("shop_item")) == [str(n) for n in range(10)]
        assert Catalog(store.connection).require("shop_item").progress is None

    def test_a_migration_that_failed_later_is_run_again_from_its_start(self, store: Store) -> None:
        store.apply(item(value=models.JSONField()))
        store.rows("Item").create(value="1")
        operations = [
            ops.CreateModel("Box", [("id", models.BigAutoField(primary_key=True))]),
            ops.AddField("Item", "box", models.ForeignKey("shop.Box", models.CASCADE, null=True)),
            ops.AlterField("Item", "value", models.CharField(max_length=10)),
            ops.RenameField("Item", "value", "text"),
        ]
        store.apply_and_fail(*operations)
        store.apply(*operations)
        assert store.properties("shop_item") == [{"box_id": None, "text": '"1"'}]
        assert sorted(columns(store)) == ["box_id", "id", "text"]

    def watched(self, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
        """Rewrite ten entities in two batches while somebody watches; return what is written from the start of the line each time."""
        self.fill(store, 10)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        monkeypatch.setattr(rewriting, "BATCH", 6)
        store.apply(ops.AlterField("Item", "value", models.CharField(max_length=10)))
        return capsys.readouterr().err.split("\r\033[K")

    def test_it_shows_how_far_it_has_come(
        self, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with django_db_blocker.unblock(), connection_with() as connection:
            written = self.watched(Store(connection), monkeypatch, capsys)
        assert written == [
            "",
            f"  shop_item: [{'#' * 15}{'.' * 15}] 5 of 10 entities",
            f"  shop_item: [{'#' * 30}] 10 of 10 entities",
            "",
        ]

    def test_it_shows_how_far_it_has_come_where_the_store_does_not_count(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        session = store.connection.session
        session.capabilities = replace(session.capabilities, aggregations=frozenset())
        assert self.watched(store, monkeypatch, capsys) == ["", "  shop_item: 5 entities", "  shop_item: 10 entities", ""]

    def test_it_writes_nothing_where_nobody_watches(self, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
        self.fill(store, 10)
        store.apply(ops.AlterField("Item", "value", models.CharField(max_length=10)))
        assert capsys.readouterr().err == ""

    def test_no_entity_is_converted_twice(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        store.apply(item(value=models.JSONField()))
        store.rows("Item").bulk_create([store.rows("Item").model(value=f'"{n}"') for n in range(10)])
        to_text = ops.AlterField("Item", "value", models.CharField(max_length=20))
        with monkeypatch.context() as patch:
            self.interrupt(store, patch, after=1)
            with pytest.raises(KeyboardInterrupt):
                store.apply(to_text)
        store.apply(to_text)
        assert {each["value"] for each in store.properties("shop_item")} == {f'"\\"{n}\\""' for n in range(10)}

    def test_what_somebody_writes_meanwhile_is_converted_too(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fill(store, 3)
        session, key = store.connection.session, store.key("shop_item", 2)
        foreign = iter([Mutation(Verb.UPSERT, key, Entity(key, {"value": 99}))])

        def commit(*arguments: Any) -> Any:
            for mutation in foreign:
                session.driver.commit([mutation])
            return type(session.store).commit(session.store, *arguments)

        monkeypatch.setattr(session.store, "commit", commit)
        store.apply(ops.AlterField("Item", "value", models.CharField(max_length=10)))
        assert [each["value"] for each in store.properties("shop_item")] == ["0", "99", "2"]

    def test_what_somebody_deletes_meanwhile_stays_deleted(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fill(store, 3)
        session = store.connection.session
        foreign = iter([Mutation(Verb.DELETE, store.key("shop_item", 2))])

        def commit(*arguments: Any) -> Any:
            for mutation in foreign:
                session.driver.commit([mutation])
            return type(session.store).commit(session.store, *arguments)

        monkeypatch.setattr(session.store, "commit", commit)
        store.apply(ops.AlterField("Item", "value", models.CharField(max_length=10)))
        assert [each["value"] for each in store.properties("shop_item")] == ["0", "2"]

    def test_big_entities_are_written_in_several_commits(self, store: Store) -> None:
        store.apply(item(value=models.TextField()))
        for _ in range(3):
            store.rows("Item").create(value="x" * 500_000)
        store.apply(ops.RenameField("Item", "value", "text"))
        assert [len(each["text"]) for each in store.properties("shop_item")] == [500_000] * 3


class TestStatements:
    def test_sql_is_refused(self, store: Store) -> None:
        with pytest.raises(NotSupportedError, match="replace RunSQL by RunPython"):
            store.apply(ops.RunSQL("UPDATE shop_item SET name = 'x'"))

    @pytest.mark.filterwarnings("ignore::kindstore.core.warnings.NoTransactionsWarning")
    def test_nothing_runs_inside_atomic(self, store: Store) -> None:
        with (
            pytest.raises(TransactionManagementError, match="that can't perform a rollback is prohibited"),
            transaction.atomic(using=store.connection.alias),
        ):
            store.apply(item())

    def test_sqlmigrate_says_what_would_be_done(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50, unique=True)))
        statements = [
            *store.collect(
                ops.CreateModel(
                    "Box", [("id", models.BigAutoField(primary_key=True)), ("item", models.ForeignKey("shop.Item", models.CASCADE))]
                )
            ),
            *store.collect(ops.AddField("Item", "text", models.TextField(null=True))),
            *store.collect(ops.RenameField("Item", "name", "title")),
            *store.collect(ops.AlterModelTable("Item", "goods")),
            *store.collect(ops.DeleteModel("Item")),
        ]
        assert statements == [
            'CREATE TABLE "shop_box" ("id" integer PRIMARY KEY NOT NULL, "item_id" integer NOT NULL REFERENCES "shop_item" ("id"));',
            'ALTER TABLE "shop_item" ADD COLUMN "text" text UNINDEXED NULL;',
            'ALTER TABLE "shop_item" ALTER COLUMN "name" TO "title" string(50) UNIQUE NOT NULL;',
            'ALTER TABLE "shop_item" RENAME TO "goods", MOVING ITS ENTITIES;',
            'DROP TABLE "shop_item";',
        ]

    def test_sqlmigrate_sends_nothing(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)))
        with assertNumRPCs(0, using=store.connection.alias):
            store.collect(ops.RemoveField("Item", "name"))

    def test_an_operation_is_undone(self, store: Store) -> None:
        store.apply(item(name=models.CharField(max_length=50)))
        before, operation = store.state, ops.AddField("Item", "size", models.IntegerField(default=7))
        store.apply(operation)
        store.unapply(operation, before)
        assert columns(store) == ["id", "name"]


def test_the_contrib_apps_migrate_there_and_back(django_db_blocker: Any) -> None:
    apps = [f"django.contrib.{name}" for name in CONTRIB]
    with (
        override_settings(INSTALLED_APPS=apps, SITE_ID=1),
        django_db_blocker.unblock(),
        connection_with(["relational"], **chosen(), options={"relational": {"policy": "allow"}}) as connection,
    ):
        call_command("migrate", verbosity=0, database=connection.alias)
        tables = connection.introspection.table_names()
        assert {"auth_user", "auth_user_groups", "django_admin_log", "django_flatpage_sites", "django_migrations"} < set(tables)
        for app in ("admin", "flatpages", "auth", "contenttypes"):
            call_command("migrate", app, "zero", verbosity=0, database=connection.alias)
        assert set(connection.introspection.table_names()) == {"django_migrations", "django_redirect", "django_session", "django_site"}


class TestFieldsOfNoModel:
    """What code gives to a schema editor by hand: fields that have a name and no model, as in Django's documentation of it."""

    @staticmethod
    def named(field: models.Field, name: str = "name") -> models.Field:
        field.set_attributes_from_name(name)
        return field

    @pytest.fixture
    def items(self, store: Store) -> Any:
        store.apply(item(name=models.CharField(max_length=10)))
        store.rows("Item").create(name="5")
        return store.rows("Item").model

    def test_one_is_added(self, store: Store, items: Any) -> None:
        with store.connection.schema_editor() as editor:
            editor.add_field(items, self.named(models.IntegerField(default=7), "size"))
        assert store.properties("shop_item") == [{"name": "5", "size": 7}]

    def test_one_is_altered(self, store: Store, items: Any) -> None:
        with store.connection.schema_editor() as editor:
            editor.alter_field(items, items._meta.get_field("name"), self.named(models.IntegerField()))
        assert store.properties("shop_item") == [{"name": 5}]

    def test_one_is_altered_again(self, store: Store, items: Any) -> None:
        number = self.named(models.IntegerField())
        with store.connection.schema_editor() as editor:
            editor.alter_field(items, items._meta.get_field("name"), number)
            editor.alter_field(items, number, self.named(models.CharField(max_length=5), "code"))
        assert store.properties("shop_item") == [{"code": "5"}]
