"""Migrations that add, change and remove unique constraints: every row owns its markers, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, models
from django.db.migrations import operations as ops

from kindstore.core.backend import rewriting
from kindstore.core.backend.catalog import Catalog
from kindstore.core.datamodel import Entity, Mutation, Verb
from kindstore.core.uniqueness import Action
from kindstore.plugins.constraints import auditing
from kindstore.testing import assertNumRPCs, capture_rpcs

from .migrating import Shop, interrupted, item, meanwhile, opened


@pytest.fixture
def shop(django_db_blocker: Any) -> Iterator[Shop]:
    with django_db_blocker.unblock(), opened() as connection:
        yield Shop(connection)


@pytest.fixture(params=[True, False], ids=["masks", "whole entities"])
def either_way(request: pytest.FixtureRequest, shop: Shop) -> Shop:
    """A store that writes single properties if it can, and one that writes whole entities of few groups."""
    if not request.param:
        shop.session.capabilities = replace(shop.session.capabilities, property_masks=False, entity_groups=25)
    return shop


def named(**options: Any) -> ops.CreateModel:
    return item(name=models.CharField(max_length=20, **options), size=models.IntegerField(null=True))


UNIQUE_NAME = ops.AlterField("Item", "name", models.CharField(max_length=20, unique=True))
PLAIN_NAME = ops.AlterField("Item", "name", models.CharField(max_length=20))
BY_BOTH = models.UniqueConstraint(fields=["name", "size"], name="by_both")
SMALL = models.UniqueConstraint(fields=["name"], condition=models.Q(size__lt=10), name="small")
WAYS = {
    "unique": (UNIQUE_NAME, PLAIN_NAME),
    "unique_together": (ops.AlterUniqueTogether("Item", {("name", "size")}), ops.AlterUniqueTogether("Item", set())),
    "constraint": (ops.AddConstraint("Item", BY_BOTH), ops.RemoveConstraint("Item", "by_both")),
    "condition": (ops.AddConstraint("Item", SMALL), ops.RemoveConstraint("Item", "small")),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestConstraintsThatCome:
    def test_rows_that_are_there_own_their_values(self, either_way: Shop, way: Any) -> None:
        shop = either_way
        shop.apply(named())
        shop.fill(*({"name": f"item {n}", "size": 1} for n in range(30)))
        shop.apply(way[0])
        assert shop.owners() == list(range(1, 31))
        assert shop.audit().remaining == 0

    def test_their_values_are_taken(self, shop: Shop, way: Any) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": 1})
        shop.apply(way[0])
        with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: shop\.Item\.name"):
            shop.rows().create(name="a", size=1)

    def test_undoing_one_that_came_drops_its_markers(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": 1})
        before, operation = shop.state, ops.AddConstraint("Item", BY_BOTH)
        shop.apply(operation)
        shop.unapply(operation, before)
        assert shop.markers() == []

    def test_a_field_that_no_model_has_becomes_unique(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"})
        model, field = shop.rows().model, models.CharField(max_length=20, unique=True)
        field.set_attributes_from_name("name")
        with shop.connection.schema_editor() as editor:
            editor.alter_field(model, model._meta.get_field("name"), field)
        assert shop.owners() == [1, 2]

    def test_rows_that_the_condition_leaves_out_own_none(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": 1}, {"name": "a", "size": 20}, {"name": "a", "size": None})
        shop.apply(ops.AddConstraint("Item", SMALL))
        assert shop.owners() == [1]

    def test_nulls_do_not_collide(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": None}, {"name": "a", "size": None})
        shop.apply(ops.AddConstraint("Item", BY_BOTH))
        assert shop.markers() == []

    def test_an_added_field_is_unique_from_the_start(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"})
        shop.apply(ops.AddField("Item", "code", models.SlugField(unique=True, null=True)))
        shop.rows().filter(pk=1).update(code="x")
        with pytest.raises(IntegrityError, match=r"shop\.Item\.code"):
            shop.rows().filter(pk=2).update(code="x")

    def test_a_foreign_key_becomes_one_to_one_and_back(self, shop: Shop) -> None:
        shop.apply(named(), ops.CreateModel("Box", [("id", models.BigAutoField(primary_key=True))]))
        shop.apply(ops.AddField("Box", "item", models.ForeignKey("shop.Item", models.CASCADE, null=True)))
        shop.fill({"item_id": 7}, {"item_id": 8}, {"item_id": None}, name="Box")
        shop.apply(ops.AlterField("Box", "item", models.OneToOneField("shop.Item", models.CASCADE, null=True)))
        assert shop.owners() == [1, 2]
        shop.apply(ops.AlterField("Box", "item", models.ForeignKey("shop.Item", models.CASCADE, null=True)))
        assert shop.markers() == []

    def test_creating_a_model_builds_for_entities_that_are_there(self, shop: Shop) -> None:
        shop.put(*(Entity(shop.key(n), {"name": f"item {n}"}) for n in range(1, 4)))
        shop.apply(named(unique=True))
        assert shop.owners() == [1, 2, 3]

    def test_creating_a_model_whose_entities_are_not_unique_fails_until_they_are(self, shop: Shop) -> None:
        shop.put(*(Entity(shop.key(n), {"name": "a"}) for n in (1, 2)))
        for _ in range(2):
            with pytest.raises(IntegrityError, match="name='a': primary keys 1, 2"):
                shop.apply(named(unique=True))
        shop.remove(shop.key(2))
        shop.apply(named(unique=True))
        assert shop.owners() == [1]

    def test_a_through_table_keeps_its_pairs_unique(self, shop: Shop) -> None:
        shop.apply(named(), ops.AddField("Item", "friends", models.ManyToManyField("self")))
        shop.fill({"name": "a"}, {"name": "b"})
        shop.rows().get(pk=1).friends.add(shop.rows().get(pk=2))
        assert shop.audit(name="Item_friends").markers == 2
        with pytest.raises(IntegrityError):
            shop.rows("Item_friends").create(from_item_id=1, to_item_id=2)

    def test_in_a_separate_database_operation_too(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"})
        shop.apply(ops.SeparateDatabaseAndState(database_operations=[UNIQUE_NAME]))
        assert shop.owners() == [1]

    def test_the_state_alone_builds_nothing(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"})
        shop.apply(ops.SeparateDatabaseAndState(state_operations=[UNIQUE_NAME]))
        assert shop.markers() == []

    def test_rows_of_a_list_own_a_marker_for_each_group_of_commits(self, either_way: Shop) -> None:
        shop = either_way
        shop.apply(item(**{f"f{n}": models.IntegerField(null=True) for n in range(30)}))
        shop.fill(*({f"f{n}": row * 100 + n for n in range(30)} for row in range(3)))
        fields = {f"f{n}" for n in range(30)}
        shop.apply(ops.AlterUniqueTogether("Item", {(name,) for name in fields}))
        assert len(shop.markers()) == 90
        assert shop.audit().remaining == 0


class TestConstraintsThatGo:
    def test_their_markers_go(self, either_way: Shop, way: Any) -> None:
        shop = either_way
        shop.apply(named(), way[0])
        shop.fill(*({"name": f"item {n}", "size": 1} for n in range(30)))
        shop.apply(way[1])
        assert shop.markers() == []
        shop.rows().create(name="item 1", size=1)

    def test_those_of_others_stay(self, shop: Shop, way: Any) -> None:
        shop.apply(named(), ops.AddConstraint("Item", models.UniqueConstraint(fields=["size"], name="by_size")), way[0])
        shop.fill({"name": "a", "size": 1})
        shop.apply(way[1])
        assert len(shop.markers()) == 1
        assert shop.audit().remaining == 0

    def test_one_that_is_declared_twice_stays(self, shop: Shop) -> None:
        shop.apply(named(unique=True), ops.AddConstraint("Item", models.UniqueConstraint(fields=["name"], name="by_name")))
        shop.fill({"name": "a"})
        shop.apply(ops.RemoveConstraint("Item", "by_name"))
        assert shop.owners() == [1]
        shop.apply(PLAIN_NAME)
        assert shop.markers() == []

    def test_removing_a_field_removes_the_markers_of_its_constraints(self, shop: Shop) -> None:
        shop.apply(named(unique=True))
        shop.fill({"name": "a"})
        shop.apply(ops.RemoveField("Item", "name"))
        assert shop.markers() == []

    @pytest.mark.parametrize("name", ["Item", "Item_friends"])
    def test_deleting_a_model_leaves_no_marker(self, shop: Shop, name: str) -> None:
        shop.apply(named(unique=True), ops.AddField("Item", "friends", models.ManyToManyField("self")))
        shop.fill({"name": "a"}, {"name": "b"})
        shop.rows().get(pk=1).friends.add(shop.rows().get(pk=2))
        shop.apply(ops.DeleteModel("Item"))
        assert shop.markers() == []
        assert shop.entities(f"shop_{name.lower()}") == []

    def test_flushing_leaves_no_marker_of_the_flushed(self, shop: Shop) -> None:
        shop.apply(named(unique=True), ops.CreateModel("Box", [("code", models.SlugField(primary_key=True))]))
        shop.apply(ops.AddField("Box", "label", models.SlugField(unique=True)))
        shop.fill({"name": "a"})
        shop.rows("Box").create(code="b", label="c")
        shop.connection.ops.execute_sql_flush(shop.connection.ops.sql_flush(None, ["shop_item"]))
        assert shop.owners() == ["b"]


class TestRowsThatChange:
    def test_a_renamed_column_keeps_its_values(self, either_way: Shop, way: Any) -> None:
        shop = either_way
        shop.apply(named(), ops.AlterUniqueTogether("Item", {("name", "size")}))
        shop.fill({"name": "a", "size": 1}, {"name": "b", "size": 1})
        shop.apply(ops.RenameField("Item", "name", "title"))
        assert shop.owners() == [1, 2]
        assert shop.audit().remaining == 0

    def test_a_renamed_table_keeps_its_values(self, either_way: Shop) -> None:
        shop = either_way
        shop.apply(named(unique=True))
        shop.fill(*({"name": f"item {n}"} for n in range(30)))
        shop.apply(ops.AlterModelTable("Item", "goods"))
        assert {marker.properties["owner"].kind for marker in shop.markers()} == {"goods"}  # type: ignore[union-attr]
        assert len(shop.markers()) == 30
        assert shop.audit().remaining == 0

    def test_a_renamed_model_keeps_the_pairs_of_its_through_table(self, shop: Shop) -> None:
        shop.apply(named(), ops.CreateModel("Box", [("id", models.BigAutoField(primary_key=True))]))
        shop.apply(ops.AddField("Box", "items", models.ManyToManyField("shop.Item")))
        shop.fill({"name": "a"})
        shop.rows("Box").create(pk=1).items.add(shop.rows().get())
        shop.apply(ops.RenameModel("Item", "Thing"))
        assert len(shop.markers()) == 1
        assert shop.audit(name="Box_items").remaining == 0

    def test_converted_values_are_unique_as_they_are_then(self, either_way: Shop) -> None:
        shop = either_way
        shop.apply(named(unique=True))
        shop.fill(*({"name": str(n)} for n in range(30)))
        shop.apply(ops.AlterField("Item", "name", models.IntegerField(unique=True)))
        assert len(shop.markers()) == 30
        assert shop.audit().remaining == 0
        with pytest.raises(IntegrityError):
            shop.rows().create(name=7)

    def test_values_that_become_equal_are_listed(self, shop: Shop) -> None:
        shop.apply(named(unique=True))
        shop.fill({"name": "1"}, {"name": "01"})
        with pytest.raises(IntegrityError, match="name=1: primary keys 1, 2"):
            shop.apply(ops.AlterField("Item", "name", models.IntegerField(unique=True)))

    def test_a_null_that_becomes_the_default_has_a_value(self, shop: Shop) -> None:
        shop.apply(named(), ops.AddConstraint("Item", BY_BOTH))
        shop.fill({"name": "a", "size": None}, {"name": "b", "size": 1})
        shop.apply(ops.AlterField("Item", "size", models.IntegerField(default=7)))
        assert shop.owners() == [1, 2]
        assert shop.audit().remaining == 0

    def test_a_column_that_no_constraint_has_is_none_of_their_business(self, shop: Shop) -> None:
        shop.apply(named(unique=True))
        shop.fill({"name": "a"})
        before = shop.markers()
        shop.apply(ops.RenameField("Item", "size", "width"))
        assert shop.markers() == before


class TestParentsAndChildren:
    def test_each_table_has_its_own(self, shop: Shop) -> None:
        link = models.OneToOneField("shop.Item", models.CASCADE, parent_link=True, primary_key=True)
        shop.apply(named(), ops.CreateModel("Tool", [("item_ptr", link), ("code", models.SlugField())], bases=("shop.Item",)))
        shop.rows("Tool").create(name="a", code="x")
        shop.apply(UNIQUE_NAME, ops.AlterField("Tool", "code", models.SlugField(unique=True)))
        assert {str(marker.key.id_or_name).split("|")[0] for marker in shop.markers() if marker.key} == {"shop_item", "shop_tool"}
        shop.apply(ops.DeleteModel("Tool"))
        assert len(shop.markers()) == 1


class TestDuplicates:
    def test_they_are_listed(self, shop: Shop, way: Any) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": 1}, {"name": "b", "size": 1}, {"name": "a", "size": 1}, {"name": "a", "size": 1})
        with pytest.raises(IntegrityError, match=r"shop\.Item cannot become unique by name.*\n.*name='a'.*: primary keys 1, 3, 4\n"):
            shop.apply(way[0])

    def test_a_row_is_listed_by_its_primary_key_though_another_id_stands_for_it(self, shop: Shop) -> None:
        shop.apply(named())
        shop.rows("Item").bulk_create([shop.model("Item")(pk=pk, name="a") for pk in (0, 7)])
        with pytest.raises(IntegrityError, match="primary keys 0, 7\n"):
            shop.apply(UNIQUE_NAME)

    def test_of_many_some_are_listed(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill(*({"name": f"item {n % 40:02}"} for n in range(80)))
        with pytest.raises(IntegrityError) as caught:
            shop.apply(UNIQUE_NAME)
        lines = str(caught.value).splitlines()
        assert lines[1] == "  name='item 00': primary keys 1, 41"
        assert lines[-2:] == ["  and 16 more", "Change or delete all but one row of each, then run the migration again."]

    def test_of_many_rows_with_one_value_some_are_listed(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill(*({"name": "a"} for _ in range(20)))
        with pytest.raises(IntegrityError, match="11, 12 and 8 more"):
            shop.apply(UNIQUE_NAME)

    def test_the_catalog_does_not_have_the_constraint_then(self, shop: Shop, way: Any) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": 1}, {"name": "a", "size": 1})
        before = Catalog(shop.connection).require("shop_item")
        with pytest.raises(IntegrityError):
            shop.apply(way[0])
        assert Catalog(shop.connection).require("shop_item") == before

    def test_the_migration_runs_once_they_are_gone(self, either_way: Shop, way: Any) -> None:
        shop = either_way
        shop.apply(named())
        shop.fill(*({"name": f"item {n % 20}", "size": 1} for n in range(30)))
        with pytest.raises(IntegrityError):
            shop.apply(way[0])
        shop.rows().filter(pk__lte=10).delete()
        shop.apply(way[0])
        assert shop.owners() == list(range(11, 31))
        assert shop.audit().remaining == 0

    def test_a_default_for_several_rows_is_refused_before_any_has_it(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"})
        with pytest.raises(IntegrityError, match=r"unique by code: there are several rows, and all would get the default 'x'\. Add"):
            shop.apply(ops.AddField("Item", "code", models.CharField(max_length=9, unique=True, default="x")))
        assert [set(entity.properties) for entity in shop.entities("shop_item")] == [{"name", "size"}] * 2

    def test_a_default_for_one_row_is_unique(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"})
        shop.apply(ops.AddField("Item", "code", models.CharField(max_length=9, unique=True, default="x")))
        assert shop.owners() == [1]

    def test_another_migration_may_run_before(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "a"})
        with pytest.raises(IntegrityError):
            shop.apply(UNIQUE_NAME)
        shop.apply(ops.AddField("Item", "code", models.IntegerField(default=1)))
        assert shop.rows().filter(code=1).count() == 2


class TestInterruptions:
    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auditing, "PAGE", 4)
        monkeypatch.setattr(rewriting, "BATCH", 4)

    def fill(self, shop: Shop, count: int = 20) -> None:
        shop.apply(named())
        shop.fill(*({"name": f"item {n:03}", "size": 1} for n in range(count)))

    def test_a_build_goes_on_where_it_stopped(self, shop: Shop, way: Any) -> None:
        self.fill(shop)
        with interrupted(shop, after=7):  # a commit of markers and one of the progress for each page
            shop.apply(way[0])
        made = len(shop.markers())
        assert 4 <= made < 20
        with capture_rpcs(shop.connection.alias) as rpcs:
            shop.apply(way[0])
        assert rows_read(rpcs) <= 24 - made
        assert shop.owners() == list(range(1, 21))
        assert Catalog(shop.connection).require("shop_item").progress is None

    def test_other_steps_wait_for_it(self, shop: Shop) -> None:
        self.fill(shop)
        with interrupted(shop, after=3):
            shop.apply(UNIQUE_NAME)
        with pytest.raises(ProgrammingError, match='in the middle of another step: ALTER TABLE "shop_item" ALTER COLUMN "name"'):
            shop.apply(ops.AlterField("Item", "size", models.CharField(max_length=9, null=True)))

    @pytest.mark.parametrize("operation", [ops.RenameField("Item", "name", "title"), ops.AlterModelTable("Item", "goods")])
    def test_a_step_that_is_refused_meanwhile_drops_nothing(self, shop: Shop, operation: Any) -> None:
        self.fill(shop)
        shop.apply(UNIQUE_NAME)
        with interrupted(shop, after=2):
            shop.apply(ops.AlterField("Item", "size", models.CharField(max_length=9, null=True)))
        with pytest.raises(ProgrammingError, match="in the middle of another step"):
            shop.apply(operation)
        assert len(shop.markers()) == 20

    @pytest.mark.parametrize("after", range(0, 30, 2))
    def test_a_migration_is_run_again_wherever_it_stopped(self, shop: Shop, after: int) -> None:
        self.fill(shop)
        migration = [
            ops.RemoveConstraint("Item", "small"),
            ops.AddConstraint("Item", models.UniqueConstraint(fields=["name", "size"], name="both")),
            ops.AddField("Item", "code", models.IntegerField(default=1)),
            ops.AlterField("Item", "size", models.CharField(max_length=9, null=True)),
        ]
        shop.apply(ops.AddConstraint("Item", SMALL))
        with interrupted(shop, after=after):
            shop.apply(*migration)
        shop.apply(*migration)
        assert shop.owners() == list(range(1, 21))
        assert shop.audit().remaining == 0
        assert {row.size for row in shop.rows()} == {"1"}

    @pytest.mark.parametrize("after", range(0, 20, 2))
    def test_a_rename_that_was_done_is_passed_over(self, shop: Shop, after: int) -> None:
        shop.apply(named(unique=True))
        shop.fill(*({"name": f"item {n:03}"} for n in range(10)))
        migration = [ops.AlterModelTable("Item", "goods"), ops.AlterField("Item", "size", models.CharField(max_length=9, null=True))]
        with interrupted(shop, after=after):
            shop.apply(*migration)
        shop.apply(*migration)
        assert shop.owners() == list(range(1, 11))
        assert shop.audit().remaining == 0

    def test_duplicates_that_were_found_before_it_are_found_again(self, shop: Shop) -> None:
        self.fill(shop)
        shop.rows().filter(pk=2).update(name="item 000")
        with interrupted(shop, after=3):
            shop.apply(UNIQUE_NAME)
        with pytest.raises(IntegrityError, match="primary keys 1, 2"):
            shop.apply(UNIQUE_NAME)

    @pytest.mark.parametrize("after", range(0, 24, 2))
    @pytest.mark.parametrize(
        "operation",
        [
            ops.RenameField("Item", "name", "title"),
            ops.AlterModelTable("Item", "goods"),
            ops.AlterField("Item", "name", models.CharField(max_length=2000, unique=True)),
        ],
        ids=["rename", "table", "conversion"],
    )
    def test_rows_that_change_keep_their_values(self, shop: Shop, operation: Any, after: int) -> None:
        shop.apply(named(unique=True))
        shop.fill(*({"name": f"item {n:03}"} for n in range(10)))
        with interrupted(shop, after=after):
            shop.apply(operation)
        shop.apply(operation)
        assert shop.owners() == list(range(1, 11))
        assert shop.audit().remaining == 0
        assert {entry.progress for entry in Catalog(shop.connection).entries()} == {None}

    @pytest.mark.parametrize("after", range(5))
    def test_removing_goes_on(self, shop: Shop, way: Any, after: int) -> None:
        shop.apply(named(), way[0])
        shop.fill(*({"name": f"item {n:03}", "size": 1} for n in range(60)))
        with interrupted(shop, after=after):
            shop.apply(way[1])
        shop.apply(way[1])
        assert shop.markers() == []

    def test_one_that_was_given_up_leaves_what_clean_deletes(self, shop: Shop) -> None:
        self.fill(shop)
        with interrupted(shop, after=3):
            shop.apply(UNIQUE_NAME)
        audit = shop.audit(Action.CLEAN)
        assert audit.settled == {"obsolete": 8}
        assert shop.markers() == []


class TestTraffic:
    def test_a_row_that_changes_meanwhile_owns_its_new_value(self, either_way: Shop) -> None:
        shop = either_way
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"}, {"name": "c"})
        changed = Mutation(Verb.UPSERT, shop.key(2), Entity(shop.key(2), {"name": "z", "size": None}))
        with meanwhile(shop.session, changed):
            shop.apply(UNIQUE_NAME)
        assert shop.owners() == [1, 2, 3]
        assert shop.audit().remaining == 0

    def test_a_row_that_goes_meanwhile_owns_nothing(self, either_way: Shop) -> None:
        shop = either_way
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"}, {"name": "c"})
        with meanwhile(shop.session, Mutation(Verb.DELETE, shop.key(2))):
            shop.apply(UNIQUE_NAME)
        assert shop.owners() == [1, 3]

    def test_a_row_that_knows_the_constraint_already_keeps_its_marker(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"})
        ahead = shop.after(UNIQUE_NAME).apps.get_model("shop", "Item")
        ahead._default_manager.using(shop.connection.alias).create(pk=2, name="b")
        (marker,) = shop.markers()
        shop.apply(UNIQUE_NAME)
        assert marker in shop.markers()
        assert shop.owners() == [1, 2]

    def test_leftovers_are_taken_over(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"}, {"name": "b"})
        with pytest.raises(IntegrityError):
            shop.apply(UNIQUE_NAME)
        shop.rows().all().delete()
        shop.fill({"name": "b"}, {"name": "c"}, {"name": "a"})
        shop.apply(UNIQUE_NAME)
        assert shop.owners() == [1, 2, 3]
        assert shop.audit().remaining == 0


class TestOptingOut:
    def test_without_the_plugin_nothing_is_built(self, django_db_blocker: Any) -> None:
        with django_db_blocker.unblock(), opened(()) as connection:
            shop = Shop(connection)
            shop.apply(named())
            shop.fill({"name": "a"}, {"name": "a"})
            shop.apply(UNIQUE_NAME)
            assert shop.markers() == []

    def test_a_model_that_opts_out_today_is_not_built(self, audited: Shop, way: Any) -> None:
        audited.apply(ops.CreateModel("Unkept", named().fields))
        audited.fill({"name": "a", "size": 1}, {"name": "a", "size": 1}, name="Unkept")
        audited.apply(of("Unkept", way[0]), of("Unkept", way[1]))
        assert audited.markers() == []

    def test_a_model_that_opts_in_where_all_are_out_is_built(self, audited: Shop, way: Any, settings: Any) -> None:
        settings.DJANGAE_DISABLE_CONSTRAINT_CHECKS = True
        audited.apply(ops.CreateModel("Kept", named().fields))
        audited.fill({"name": "a", "size": 1}, {"name": "b", "size": 1}, name="Kept")
        audited.apply(of("Kept", way[0]))
        assert audited.owners() == [1, 2]

    def test_a_setting_turns_all_off(self, shop: Shop, way: Any, settings: Any) -> None:
        settings.DJANGAE_DISABLE_CONSTRAINT_CHECKS = True
        shop.apply(named())
        shop.fill({"name": "a", "size": 1}, {"name": "a", "size": 1})
        shop.apply(way[0])
        assert shop.markers() == []


@pytest.fixture
def audited(shop: Shop) -> Shop:
    """Migrations of the app "audited", whose models are installed."""
    return Shop(shop.connection, "audited")


def of(name: str, operation: Any) -> Any:
    """Return the same operation on another model."""
    path, args, kwargs = operation.deconstruct()
    kwargs["name" if isinstance(operation, ops.AlterUniqueTogether) else "model_name"] = name
    return getattr(ops, path.rpartition(".")[2])(*args, **kwargs)


class TestHistoricalModels:
    def run(self, shop: Shop, code: Any) -> None:
        shop.apply(ops.RunPython(code))

    def test_run_python_keeps_markers(self, shop: Shop) -> None:
        shop.apply(named(unique=True))

        def code(apps: Any, editor: Any) -> None:
            rows = apps.get_model("shop", "Item").objects.using(editor.connection.alias)
            rows.bulk_create([rows.model(pk=1, name="a"), rows.model(pk=2, name="b")])
            rows.filter(pk=1).update(name="c")
            rows.create(pk=3, name="a")
            rows.filter(pk=2).delete()

        self.run(shop, code)
        assert shop.owners() == [1, 3]
        assert shop.audit().remaining == 0

    def test_run_python_finds_values_taken(self, shop: Shop) -> None:
        shop.apply(named(unique=True))
        shop.fill({"name": "a"})

        def code(apps: Any, editor: Any) -> None:
            apps.get_model("shop", "Item").objects.using(editor.connection.alias).create(name="a")

        with pytest.raises(IntegrityError, match=r"shop\.Item\.name"):
            self.run(shop, code)

    def test_each_state_keeps_what_is_unique_in_it(self, shop: Shop) -> None:
        shop.apply(named())
        shop.fill({"name": "a"}, {"name": "b"})

        def code(apps: Any, editor: Any) -> None:
            rows = apps.get_model("shop", "Item").objects.using(editor.connection.alias)
            rows.filter(pk=1).update(name="c", size=1)

        self.run(shop, code)
        assert shop.markers() == []
        shop.apply(UNIQUE_NAME, ops.RunPython(code), ops.AddConstraint("Item", BY_BOTH), ops.RunPython(code))
        assert shop.owners() == [1, 1, 2]
        assert shop.audit().remaining == 0

    def test_run_python_keeps_opt_outs(self, audited: Shop) -> None:
        audited.apply(ops.CreateModel("Unkept", named(unique=True).fields))

        def code(apps: Any, editor: Any) -> None:
            rows = apps.get_model("audited", "Unkept").objects.using(editor.connection.alias)
            rows.create(name="a")
            rows.create(name="a")

        self.run(audited, code)
        assert audited.markers() == []
        assert len(audited.entities("audited_unkept")) == 2


class TestModelsOfOtherStates:
    """Code that has a model from before a migration, or after it, in the process that ran the migration: the table counts."""

    def test_a_model_from_before_is_kept_unique(self, shop: Shop) -> None:
        shop.apply(named())
        rows = shop.rows()
        rows.create(name="a")
        shop.apply(UNIQUE_NAME)
        with pytest.raises(IntegrityError, match=r"shop\.Item\.name"):
            rows.create(name="a")

    def test_a_model_that_still_has_it_is_not(self, shop: Shop) -> None:
        shop.apply(named(unique=True))
        rows = shop.rows()
        shop.apply(ops.AlterField("Item", "name", models.CharField(max_length=20)))
        rows.create(name="a")
        rows.create(name="a")
        assert shop.markers() == []

    def test_a_constraint_that_comes_back_is_kept(self, shop: Shop) -> None:
        shop.apply(named(unique=True))
        rows, before = shop.rows(), shop.state
        operation = ops.AlterField("Item", "name", models.CharField(max_length=20))
        shop.apply(operation)
        shop.unapply(operation, before)
        rows.create(name="a")
        with pytest.raises(IntegrityError, match=r"shop\.Item\.name"):
            rows.create(name="a")

    def test_a_table_that_is_made_again_begins_anew(self, shop: Shop) -> None:
        shop.apply(named(), UNIQUE_NAME, ops.DeleteModel("Item"), named())
        shop.rows().create(name="a")
        shop.rows().create(name="a")
        assert shop.markers() == []

    @pytest.mark.parametrize("added", [BY_BOTH, SMALL], ids=["plain", "with a condition"])
    def test_a_constraint_that_no_model_declares_is_kept(self, shop: Shop, added: models.UniqueConstraint) -> None:
        shop.apply(named())
        shop.fill({"name": "a", "size": 1})
        rows = shop.rows()
        with shop.connection.schema_editor() as editor:
            editor.add_constraint(rows.model, added)
        assert shop.owners() == [1]
        with pytest.raises(IntegrityError, match=r"shop\.Item\.name"):
            rows.create(name="a", size=1)
        with shop.connection.schema_editor() as editor:
            editor.remove_constraint(rows.model, added)
        rows.create(name="a", size=1)
        assert shop.markers() == []

    def test_a_group_that_a_model_still_has_is_dropped(self, shop: Shop) -> None:
        shop.apply(named(), ops.AlterUniqueTogether("Item", {("name", "size")}))
        rows = shop.rows()
        with shop.connection.schema_editor() as editor:
            editor.alter_unique_together(rows.model, [("name", "size")], [])
        rows.create(name="a", size=1)
        rows.create(name="a", size=1)
        with pytest.raises(IntegrityError, match="these values occur more than once"), shop.connection.schema_editor() as editor:
            editor.alter_unique_together(rows.model, [], [("name", "size")])


class TestStatements:
    def test_sqlmigrate_says_what_becomes_of_markers(self, shop: Shop) -> None:
        shop.apply(named(), ops.AddConstraint("Item", BY_BOTH), ops.AddField("Item", "code", models.IntegerField(unique=True, default=1)))
        statements = [
            *shop.collect(UNIQUE_NAME),
            *shop.collect(ops.AddConstraint("Item", SMALL)),
            *shop.collect(ops.RemoveConstraint("Item", "by_both")),
            *shop.collect(ops.RenameField("Item", "code", "sku")),
            *shop.collect(ops.AlterModelTable("Item", "goods")),
            *shop.collect(ops.AddField("Item", "rank", models.IntegerField(null=True, unique=True))),
            *shop.collect(ops.RemoveField("Item", "code")),
        ]
        assert statements == [
            'ALTER TABLE "shop_item" ALTER COLUMN "name" TO "name" string(20) UNIQUE NOT NULL, BUILDING MARKERS OF (name);',
            'CREATE UNIQUE INDEX "small" ON "shop_item" ("name") WHERE "size" < 10, BUILDING MARKERS OF (name, size);',
            'ALTER TABLE "shop_item" DROP CONSTRAINT "by_both", DROPPING MARKERS OF (name, size);',
            'ALTER TABLE "shop_item" ALTER COLUMN "code" TO "sku" integer UNIQUE NOT NULL, '
            "DROPPING MARKERS OF (code), BUILDING MARKERS OF (sku);",
            'ALTER TABLE "shop_item" RENAME TO "goods", MOVING ITS ENTITIES, REBUILDING MARKERS OF (code) AND (name, size);',
            'ALTER TABLE "shop_item" ADD COLUMN "rank" integer UNIQUE NULL, BUILDING MARKERS OF (rank);',
            'ALTER TABLE "shop_item" DROP COLUMN "code", REMOVING IT FROM ITS ENTITIES, DROPPING MARKERS OF (code);',
        ]

    def test_sqlmigrate_sends_nothing(self, shop: Shop) -> None:
        shop.apply(named())
        with assertNumRPCs(0, using=shop.connection.alias):
            shop.collect(UNIQUE_NAME)


class TestManyRows:
    """100,000 rows in memory, 5,000 in an emulator."""

    def test_they_become_unique_in_several_runs(self, shop: Shop) -> None:
        count = 100_000 if shop.connection.settings_dict["ENGINE"].endswith("memory") else 5_000
        shop.apply(named())
        shop.put(*(Entity(shop.key(n), {"name": f"item {n}", "size": None}) for n in range(1, count)))
        shop.put(Entity(shop.key(count), {"name": "item 7", "size": None}))
        half = interrupted(shop, after=count // ((shop.session.capabilities.entity_groups or 251) - 1))
        with half, capture_rpcs(shop.connection.alias) as first:
            shop.apply(UNIQUE_NAME)
        made = shop.count_markers()
        assert count // 4 < made < count * 3 // 4
        with capture_rpcs(shop.connection.alias) as second, pytest.raises(IntegrityError, match=f"name='item 7': primary keys 7, {count}"):
            shop.apply(UNIQUE_NAME)
        assert rows_read(first) + rows_read(second) < count * 1.1
        shop.remove(shop.key(count))
        shop.apply(UNIQUE_NAME)
        assert shop.count_markers() == count - 1


def rows_read(rpcs: Any) -> int:
    """Return how many entities queries gave."""
    return sum(rpc.rows for rpc in rpcs if rpc.method == "RunQuery")
