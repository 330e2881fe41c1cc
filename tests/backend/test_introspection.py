"""What the catalog tells Django of the kinds."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import NotSupportedError, ProgrammingError, models, router
from django.db.migrations import operations as ops
from django.db.models.functions import Collate, Lower
from django.test.utils import isolate_apps

from kindstore.testing import assertNumRPCs

from .conftest import Store

BOX = ops.CreateModel(
    "Box",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("code", models.SlugField(unique=True)),
    ],
)
ITEM = ops.CreateModel(
    "Item",
    [
        ("id", models.AutoField(primary_key=True)),
        ("name", models.CharField(max_length=50, db_index=True)),
        ("price", models.DecimalField(max_digits=6, decimal_places=2, null=True)),
        ("box", models.ForeignKey("shop.Box", models.CASCADE)),
        ("loose", models.ForeignKey("shop.Box", models.CASCADE, related_name="+", db_constraint=False)),
    ],
    options={
        "unique_together": {("name", "box")},
        "indexes": [models.Index(fields=["-price", "name"], name="by_price")],
        "constraints": [models.UniqueConstraint(fields=["price"], name="one_price")],
    },
)


@pytest.fixture
def shop(store: Store) -> Any:
    """The introspection of a store with two tables."""
    store.apply(BOX, ITEM)
    return store.connection.introspection


def test_the_tables_are_listed(shop: Any) -> None:
    assert shop.table_names() == ["shop_box", "shop_item"]
    assert [tuple(each) for each in shop.get_table_list(None)] == [("shop_box", "t", ""), ("shop_item", "t", "")]


def test_the_list_of_tables_is_one_request(shop: Any) -> None:
    with assertNumRPCs(1, using=shop.connection.alias, methods=["RunQuery"]):
        shop.table_names()


def test_the_columns_are_described(shop: Any) -> None:
    described = {each.name: each for each in shop.get_table_description(None, "shop_item")}
    assert list(described) == ["id", "name", "price", "box_id", "loose_id"]
    assert (described["name"].type_code, described["name"].display_size, described["name"].null_ok) == ("string", 50, False)
    assert (described["price"].precision, described["price"].scale, described["price"].null_ok) == (6, 2, True)
    assert shop.get_field_type(described["box_id"].type_code, described["box_id"]) == "BigIntegerField"


def test_the_relations_are_those_with_a_constraint(shop: Any) -> None:
    relations = shop.get_relations(None, "shop_item")
    assert {name: relation[:2] for name, relation in relations.items()} == {"box_id": ("id", "shop_box")}


def test_the_primary_key_is_known(shop: Any) -> None:
    assert shop.get_primary_key_column(None, "shop_box") == "id"


def test_a_composite_primary_key_is_added_to_an_empty_table(store: Store) -> None:
    store.apply(
        ops.CreateModel("Point", [("id", models.IntegerField(primary_key=True)), ("a", models.IntegerField())]),
        ops.AddField("Point", "pk", models.CompositePrimaryKey("id", "a")),
        ops.AlterField("Point", "id", models.IntegerField()),
    )
    assert store.connection.introspection.get_primary_key_columns(None, "shop_point") == ["id", "a"]


def test_a_composite_primary_key_is_not_added_to_rows(store: Store) -> None:
    store.apply(ops.CreateModel("Point", [("id", models.IntegerField(primary_key=True)), ("a", models.IntegerField())]))
    store.rows("Point").create(id=1, a=2)
    with pytest.raises(NotSupportedError, match="cannot be added or removed while there are entities of the kind 'shop_point'"):
        store.apply(ops.AddField("Point", "pk", models.CompositePrimaryKey("id", "a")))


def test_the_columns_of_a_composite_primary_key_are_known(store: Store) -> None:
    fields = [("pk", models.CompositePrimaryKey("a", "b")), ("a", models.IntegerField()), ("b", models.IntegerField())]
    store.apply(ops.CreateModel("Pair", fields))
    assert store.connection.introspection.get_primary_key_columns(None, "shop_pair") == ["a", "b"]


def test_the_automatic_key_counts_as_a_sequence(shop: Any) -> None:
    assert shop.get_sequences(None, "shop_item") == [{"table": "shop_item", "column": "id"}]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("shop_item", {"columns": ["id"], "primary_key": True, "unique": True}),
        ("shop_item", {"columns": ["name"], "index": True, "unique": False, "type": "idx"}),
        ("shop_item", {"columns": ["name", "box_id"], "unique": True}),
        ("shop_item", {"columns": ["price", "name"], "index": True, "unique": False, "orders": ["DESC", "ASC"], "type": "idx"}),
        ("shop_item", {"columns": ["price"], "unique": True, "check": False}),
        ("shop_box", {"columns": ["code"], "unique": True}),
    ],
)
def test_a_constraint_is_described(shop: Any, table: str, expected: dict[str, Any]) -> None:
    (found,) = [each for each in shop.get_constraints(None, table).values() if each["columns"] == expected["columns"]]
    assert found.items() >= expected.items()


def test_constraints_have_the_names_that_django_gives(shop: Any) -> None:
    name = shop.connection.schema_editor()._create_index_name
    assert {name("shop_item", ["name"]), name("shop_item", ["name", "box_id"], "_uniq"), "by_price", "one_price"} < set(
        shop.get_constraints(None, "shop_item")
    )


def test_a_kind_without_an_entry_is_refused(shop: Any) -> None:
    with pytest.raises(ProgrammingError, match="has no entry for the kind 'shop_nothing'"):
        shop.get_table_description(None, "shop_nothing")


def test_inspectdb_writes_the_models(shop: Any) -> None:
    out = StringIO()
    call_command("inspectdb", database=shop.connection.alias, stdout=out)
    assert out.getvalue().split("from django.db import models\n")[1].strip().splitlines() == [
        "class ShopBox(models.Model):",
        "    id = models.BigAutoField(primary_key=True)",
        "    code = models.CharField(unique=True, max_length=50)",
        "",
        "    class Meta:",
        "        managed = False",
        "        db_table = 'shop_box'",
        "",
        "",
        "class ShopItem(models.Model):",
        "    name = models.CharField(max_length=50)",
        "    price = models.DecimalField(unique=True, max_digits=6, decimal_places=2, blank=True, null=True)",
        "    box = models.ForeignKey(ShopBox, models.DO_NOTHING)",
        "    loose_id = models.BigIntegerField()",
        "",
        "    class Meta:",
        "        managed = False",
        "        db_table = 'shop_item'",
        "        unique_together = (('name', 'box'),)",
    ]


def test_inspectdb_says_why_it_cannot_write_a_model(shop: Any) -> None:
    out = StringIO()
    call_command("inspectdb", "elsewhere", database=shop.connection.alias, stdout=out)
    assert "# The error was: The catalog of" in out.getvalue()


def test_flush_empties_kinds_that_were_never_migrated(connection: Any) -> None:
    ContentType.objects.using(connection.alias).create(app_label="shop", model="item")
    assert connection.introspection.table_names() == []
    call_command("flush", interactive=False, database=connection.alias, inhibit_post_migrate=True)
    assert not ContentType.objects.using(connection.alias).exists()


@isolate_apps("records")
def test_a_quoted_table_is_made_once(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(models.Model):
        class Meta:
            app_label = "records"
            db_table = '"odd table"'

    monkeypatch.setattr(router, "get_migratable_models", lambda *_, **__: [Odd])
    made = []
    for _ in range(2):
        command = MigrateCommand(stdout=StringIO())
        command.verbosity = 1
        command.sync_apps(connection, ["records"])
        made.append('Creating table "odd table"' in command.stdout.getvalue())

    assert made == [True, False]
    assert connection.introspection.table_names() == ["odd table"]


def test_comments_are_known(store: Store) -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=10, db_comment="a name"))]
    store.apply(ops.CreateModel("Box", fields, options={"db_table_comment": "all boxes"}))
    introspection = store.connection.introspection
    assert [table.comment for table in introspection.get_table_list(None)] == ["all boxes"]
    assert [column.comment for column in introspection.get_table_description(None, "shop_box")] == ["", "a name"]


@pytest.mark.parametrize(
    ("given", "columns", "orders"),
    [
        ({"fields": ["-name", "size"]}, ["name", "size"], ["DESC", "ASC"]),
        ({"expressions": [Lower("name").desc(), models.F("size")]}, [None, "size"], ["DESC", "ASC"]),
        ({"fields": ["name"], "include": ["size"]}, ["name", "size"], ["ASC"]),
        ({"expressions": [Collate(models.F("name").desc(), "nocase")]}, [None], ["DESC"]),
    ],
)
def test_the_columns_of_an_index_are_known(store: Store, given: dict[str, Any], columns: list[Any], orders: list[str]) -> None:
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=10)), ("size", models.IntegerField())]
    index = models.Index(*given.pop("expressions", ()), name="by_name", **given)
    store.apply(ops.CreateModel("Box", fields), ops.AddIndex("Box", index))
    known = store.connection.introspection.get_constraints(None, "shop_box")["by_name"]
    assert (known["columns"], known["orders"], known["index"], known["unique"]) == (columns, orders, True, False)


def test_references_follow_the_new_name_of_a_column(store: Store) -> None:
    code = models.ForeignKey("shop.Box", models.CASCADE, to_field="code")
    item = ops.CreateModel("Item", [("id", models.BigAutoField(primary_key=True)), ("code", code)])
    store.apply(BOX, item, ops.RenameField("Box", "code", "label"))
    assert store.connection.introspection.get_relations(None, "shop_item")["code_id"][:2] == ("label", "shop_box")
