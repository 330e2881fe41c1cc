"""manage.py kindstore_constraints: what it finds, what it puts right, and what it leaves alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from audited.models import Kept, Pair, Unkept
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import override_settings

from kindstore.core.datamodel import Entity, Key, Mutation, Verb
from kindstore.plugins.constraints import auditing
from kindstore.plugins.constraints.inspecting import POSITIONS
from kindstore.plugins.constraints.markers import marker, marker_key
from kindstore.plugins.constraints.uniques import uniques_of
from kindstore.testing import capture_rpcs

from .migrating import Shop, interrupted, meanwhile, opened


@pytest.fixture
def shop(django_db_blocker: Any) -> Iterator[Shop]:
    """The models of the app "audited", on a store of their own."""
    with django_db_blocker.unblock(), opened() as connection:
        yield Audited(connection, "audited")


class Audited(Shop):
    def model(self, name: str = "Kept") -> Any:
        return {"Kept": Kept, "Unkept": Unkept, "Pair": Pair}[name]

    def rows(self, name: str = "Kept") -> Any:
        return self.model(name)._default_manager.using(self.connection.alias)

    def fill(self, *values: dict[str, Any], name: str = "Kept") -> None:
        super().fill(*values, name=name)

    def names(self, *names: str) -> None:
        self.fill(*({"name": name} for name in names))

    def kept(self, ident: int) -> Key:
        return self.key(ident, "audited_kept")

    def marker_of(self, ident: int) -> Entity:
        (found,) = (marker for marker in self.markers() if marker.properties["owner"] == self.kept(ident))
        return found

    def run(self, action: str, *models: str, **options: Any) -> tuple[int, str]:
        """Run the command; return its exit status, and what it wrote."""
        out, status = io.StringIO(), 0
        try:
            call_command("kindstore_constraints", action, *models, database=self.connection.alias, stdout=out, stderr=out, **options)
        except CommandError as error:
            out.write(str(error))
            status = error.returncode
        return status, out.getvalue()


def damage_missing(shop: Audited) -> None:
    shop.remove(*(marker.key for marker in shop.markers() if marker.properties["owner"] == shop.kept(2) and marker.key))


def damage_orphaned(shop: Audited) -> None:
    shop.remove(shop.kept(2))


def damage_ownerless(shop: Audited) -> None:
    marker = shop.marker_of(2)
    shop.put(Entity(marker.key, {**marker.properties, "owner": None}, marker.unindexed))
    shop.remove(shop.kept(2))


def damage_wrong(shop: Audited) -> None:
    shop.put(Entity(shop.kept(2), {"name": "z", "size": None}))


def damage_obsolete(shop: Audited) -> None:
    marker = shop.marker_of(2)
    assert marker.key is not None
    table, _, digest = str(marker.key.id_or_name).split("|")
    shop.put(Entity(Key(((marker.key.kind, f"{table}|gone|{digest}"),), marker.key.namespace), marker.properties, marker.unindexed))


def damage_duplicate(shop: Audited) -> None:
    shop.put(Entity(shop.kept(3), {"name": "b", "size": None}))
    shop.remove(*(marker.key for marker in shop.markers() if marker.properties["owner"] == shop.kept(3) and marker.key))


DAMAGE = {
    "missing": (damage_missing, "missing: audited.Kept (name): the row 2 has no marker."),
    "orphaned": (damage_orphaned, "orphaned: audited.Kept (name): a marker names the row 2, which does not exist."),
    "without an owner": (damage_ownerless, "orphaned: audited.Kept (name): a marker names no row."),
    "wrong": (damage_wrong, "wrong: audited.Kept (name): a marker names the row 2, which has another value."),
    "obsolete": (damage_obsolete, "obsolete: audited.Kept (name): a marker is of a constraint that does not exist."),
    "duplicate": (damage_duplicate, "duplicate: audited.Kept (name): the rows 2 and 3 have the same value: name='b'."),
}
MENDED = {name: each for name, each in DAMAGE.items() if name != "duplicate"}
LEFTOVERS = {name: each for name, each in MENDED.items() if name != "missing"}


def damaged(shop: Audited, damage: Any) -> Audited:
    shop.names("a", "b", "c")
    damage(shop)
    return shop


class TestCheck:
    def test_a_sound_store_is_clean(self, shop: Audited) -> None:
        shop.names("a", "b", "c")
        status, text = shop.run("check", "audited.Kept")
        assert (status, text) == (0, "audited.Kept: 3 rows, 3 markers; nothing is wrong.\n")

    @pytest.mark.parametrize(("damage", "line"), DAMAGE.values(), ids=DAMAGE)
    def test_each_fault_is_reported(self, shop: Audited, damage: Any, line: str) -> None:
        status, text = damaged(shop, damage).run("check", "audited.Kept")
        assert status == 1
        assert line in text

    @pytest.mark.parametrize(("damage", "line"), DAMAGE.values(), ids=DAMAGE)
    def test_nothing_is_written(self, shop: Audited, damage: Any, line: str) -> None:  # noqa: ARG002
        before = damaged(shop, damage).markers()
        with capture_rpcs(shop.connection.alias) as rpcs:
            shop.run("check", "audited.Kept")
        assert "Commit" not in rpcs.methods
        assert shop.markers() == before

    def test_the_faults_are_counted(self, shop: Audited) -> None:
        shop.names("a", "b", "c", "d", "e")
        shop.remove(shop.kept(1), *(marker.key for marker in shop.markers() if marker.properties["owner"] in (shop.kept(4), shop.kept(5))))
        _, text = shop.run("check", "audited.Kept")
        assert "audited.Kept: 4 rows, 3 markers; found: 2 missing, 1 orphaned." in text
        assert text.endswith(
            "3 faults found. `repair` puts right all but duplicates; of these change or delete all rows but one, then run it again."
        )

    def test_duplicates_without_any_marker_are_found(self, shop: Audited) -> None:
        shop.put(*(Entity(shop.kept(n), {"name": "a", "size": None}) for n in (1, 2, 3)))
        _, text = shop.run("check", "audited.Kept")
        assert "found: 2 duplicate, 1 missing." in text

    def test_only_some_are_listed(self, shop: Audited) -> None:
        shop.put(*(Entity(shop.kept(n), {"name": f"item {n}", "size": None}) for n in range(1, 11)))
        _, text = shop.run("check", "audited.Kept", lines=3)
        assert text.count("has no marker") == 3
        assert "... and more" in text
        assert "10 missing" in text

    def test_verbosity_0_says_nothing_but_the_error(self, shop: Audited) -> None:
        status, text = damaged(shop, damage_missing).run("check", "audited.Kept", verbosity=0)
        assert (status, text.splitlines()[0][:14]) == (1, "1 fault found.")

    def test_a_fault_that_passes_is_none(self, shop: Audited) -> None:
        shop.names("a", "b")
        marker = shop.marker_of(2)
        shop.remove(shop.kept(2))
        session, driver = shop.session, shop.session.store.driver
        with pytest.MonkeyPatch.context() as patch:
            seen: list[int] = []

            def lookup(*arguments: Any) -> Any:
                seen.append(1)
                if len(seen) == 3:  # the owner was missing; now somebody releases the marker, too
                    driver.commit([Mutation(Verb.DELETE, marker.key)])
                return type(session).lookup(session, *arguments)

            patch.setattr(session, "lookup", lookup)
            status, _ = shop.run("check", "audited.Kept")
        assert len(seen) > 3
        assert status == 0


class TestRepair:
    @pytest.mark.parametrize(("damage", "line"), MENDED.values(), ids=MENDED)
    def test_each_fault_is_put_right(self, shop: Audited, damage: Any, line: str) -> None:
        status, text = damaged(shop, damage).run("repair", "audited.Kept")
        assert status == 0
        assert line in text
        assert shop.run("check", "audited.Kept")[0] == 0

    def test_a_value_is_taken_after_it(self, shop: Audited) -> None:
        damaged(shop, damage_missing).run("repair", "audited.Kept")
        with pytest.raises(IntegrityError):
            shop.rows().create(name="b")

    def test_a_leftover_is_taken_over(self, shop: Audited) -> None:
        shop.names("a", "b", "c")
        shop.put(Entity(shop.kept(4), {"name": "b", "size": None}))
        shop.remove(shop.kept(2))
        status, text = shop.run("repair", "audited.Kept")
        assert (status, shop.owners()) == (0, [1, 3, 4])
        assert "put right: 1 orphaned." in text

    def test_duplicates_are_listed_and_left(self, shop: Audited) -> None:
        before = damaged(shop, damage_duplicate).markers()
        status, text = shop.run("repair", "audited.Kept")
        assert status == 1
        assert DAMAGE["duplicate"][1] in text
        assert "found: 1 duplicate." in text
        assert shop.markers() == before

    def test_pairs_of_a_through_table(self, shop: Audited) -> None:
        shop.put(*(Entity(shop.key(n, "audited_pair"), {"left": 1, "right": n}) for n in range(1, 4)))
        assert shop.run("repair", "audited.Pair")[0] == 0
        assert shop.owners() == [1, 2, 3]

    def test_many_rows_on_any_store(self, shop: Audited) -> None:
        shop.put(*(Entity(shop.kept(n), {"name": f"item {n}", "size": None}) for n in range(1, 21)))
        shop.put(*(Entity(shop.kept(n), {"name": f"item {n}", "size": None}) for n in range(21, 41)))
        assert shop.run("repair", "audited.Kept")[0] == 0
        assert shop.owners() == list(range(1, 41))


class TestClean:
    @pytest.mark.parametrize(("damage", "line"), LEFTOVERS.values(), ids=LEFTOVERS)
    def test_leftovers_are_deleted(self, shop: Audited, damage: Any, line: str) -> None:
        status, text = damaged(shop, damage).run("clean", "audited.Kept")
        assert status == 0
        assert line in text
        assert len(shop.markers()) == (3 if damage is damage_obsolete else 2)

    def test_missing_markers_stay_missing(self, shop: Audited) -> None:
        status, _ = damaged(shop, damage_missing).run("clean", "audited.Kept")
        assert (status, shop.owners()) == (0, [1, 3])

    @pytest.mark.parametrize("table", ["a_item", "audited_kep", "audited_kept_", "gone|item", "zz_item", "été"])
    def test_tables_that_no_longer_exist_are_cleaned(self, shop: Audited, table: str) -> None:
        shop.names("a")
        shop.fill({"left": 1, "right": 1}, name="Pair")
        before = shop.markers()
        owner = Key(((table, 1),), shop.session.namespace())
        unique = uniques_of(Kept, shop.connection).all[0]
        stray = marker(marker_key(table, owner.namespace, "name", "0"), owner, unique, "")
        shop.put(stray)
        status, text = shop.run("clean")
        assert status == 0
        assert "orphaned: a table without a model (name): a marker names the row 1, which does not exist." in text
        assert shop.markers() == before

    def test_tables_of_others_are_left_alone(self, shop: Audited) -> None:
        owner = Key((("other_item", 1),), shop.session.namespace())
        stray = Key(((auditing.MARKERS, "other_item|name|0"),), owner.namespace)
        shop.put(Entity(owner, {"name": "a"}), Entity(stray, {"owner": owner, "table": "other_item", "constraint": "name", "commit": ""}))
        status, _ = shop.run("clean")
        assert (status, len(shop.markers())) == (0, 1)


class TestTraffic:
    """Somebody writes between the reads of the command and its commit."""

    def test_a_row_that_changed_gets_the_marker_of_its_new_value(self, shop: Audited) -> None:
        damaged(shop, damage_missing)
        with meanwhile(shop.session, Mutation(Verb.UPSERT, shop.kept(2), Entity(shop.kept(2), {"name": "z", "size": None}))):
            status, _ = shop.run("repair", "audited.Kept")
        assert (status, shop.owners()) == (0, [1, 2, 3])
        assert shop.run("check", "audited.Kept")[0] == 0

    def test_a_row_that_went_gets_none(self, shop: Audited) -> None:
        damaged(shop, damage_missing)
        with meanwhile(shop.session, Mutation(Verb.DELETE, shop.kept(2))):
            shop.run("repair", "audited.Kept")
        assert shop.owners() == [1, 3]

    def test_an_orphan_whose_row_comes_back_stays(self, shop: Audited) -> None:
        damaged(shop, damage_orphaned)
        marker, row = shop.marker_of(2), Entity(shop.kept(2), {"name": "b", "size": None})
        taken = Entity(marker.key, {**marker.properties, "commit": "another"}, marker.unindexed)
        with meanwhile(shop.session, Mutation(Verb.INSERT, shop.kept(2), row), Mutation(Verb.UPDATE, taken.key, taken)):  # type: ignore[arg-type]
            status, _ = shop.run("clean", "audited.Kept")
        assert (status, shop.owners()) == (0, [1, 2, 3])

    def test_a_wrong_marker_whose_row_takes_its_value_again_stays(self, shop: Audited) -> None:
        damaged(shop, damage_wrong)
        with meanwhile(shop.session, Mutation(Verb.UPSERT, shop.kept(2), Entity(shop.kept(2), {"name": "b", "size": None}))):
            shop.run("clean", "audited.Kept")
        assert shop.owners() == [1, 2, 3]

    def test_a_marker_that_another_row_took_over_stays(self, shop: Audited) -> None:
        damaged(shop, damage_orphaned)
        marker = shop.marker_of(2)
        taken = Entity(marker.key, {**marker.properties, "owner": shop.kept(9)}, marker.unindexed)
        row = Entity(shop.kept(9), {"name": "b", "size": None})
        with meanwhile(shop.session, Mutation(Verb.UPSERT, shop.kept(9), row), Mutation(Verb.UPSERT, taken.key, taken)):  # type: ignore[arg-type]
            status, _ = shop.run("clean", "audited.Kept")
        assert (status, shop.owners()) == (0, [1, 3, 9])


class TestInterruptions:
    @pytest.fixture(autouse=True)
    def _small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auditing, "PAGE", 4)

    def unmarked(self, shop: Audited) -> None:
        shop.put(*(Entity(shop.kept(n), {"name": f"item {n}", "size": None}) for n in range(1, 19)))

    @pytest.mark.parametrize("after", range(0, 16, 2))
    def test_a_repair_goes_on_where_it_stopped(self, shop: Audited, after: int) -> None:
        self.unmarked(shop)
        with interrupted(shop, after=after):
            shop.run("repair", "audited.Kept")
        status, _ = shop.run("repair", "audited.Kept")
        assert (status, shop.owners()) == (0, list(range(1, 19)))
        assert shop.entities(POSITIONS) == []

    def test_it_does_not_read_again_what_it_has_done(self, shop: Audited) -> None:
        self.unmarked(shop)
        with interrupted(shop, after=5):  # of each page the markers, and the position
            shop.run("repair", "audited.Kept")
        with capture_rpcs(shop.connection.alias) as rpcs:
            _, text = shop.run("repair", "audited.Kept")
        assert sum(rpc.rows for rpc in rpcs if rpc.method == "RunQuery") == 10 + 18
        assert "audited.Kept goes on where it was interrupted; --restart starts over." in text
        assert "audited.Kept: 18 rows, 18 markers; put right: 14 missing." in text

    def test_restart_starts_over(self, shop: Audited) -> None:
        self.unmarked(shop)
        with interrupted(shop, after=5):
            shop.run("check", "audited.Kept")
        _, text = shop.run("check", "audited.Kept", restart=True)
        assert "goes on" not in text
        assert "18 rows" in text

    def test_what_was_found_before_counts(self, shop: Audited) -> None:
        self.unmarked(shop)
        with interrupted(shop, after=2):
            shop.run("check", "audited.Kept")
        status, text = shop.run("check", "audited.Kept")
        assert status == 1
        assert "found: 18 missing." in text


class TestModels:
    def test_all_are_audited_by_default(self, shop: Audited) -> None:
        damaged(shop, damage_missing)
        status, text = shop.run("check", verbosity=2)
        assert status == 1
        assert "auth.User: 0 rows" in text
        assert "auth.User_groups: 0 rows" in text
        assert "audited.Kept: 3 rows" in text

    def test_one_that_opts_out_is_named(self, shop: Audited) -> None:
        shop.put(Entity(shop.key(1, "audited_unkept"), {"name": "a", "size": None}))
        status, text = shop.run("repair", "audited.Unkept")
        assert (status, text) == (0, "audited.Unkept is skipped: it opts out of constraints.\n")
        assert shop.markers() == []

    def test_one_that_is_elsewhere_is_refused(self, shop: Audited) -> None:
        with override_settings(DATABASE_ROUTERS=[Elsewhere()]):
            status, text = shop.run("check", "audited.Kept")
        assert status == 2
        assert "audited.Kept is not on the database" in text

    def test_those_that_are_elsewhere_are_passed_over(self, shop: Audited) -> None:
        damaged(shop, damage_missing)
        with override_settings(DATABASE_ROUTERS=[Elsewhere()]):
            status, text = shop.run("check", verbosity=2)
        assert status == 0
        assert "audited.Kept" not in text

    @pytest.mark.parametrize("name", ["audited.Nothing", "nowhere.Kept", "Kept"])
    def test_one_that_does_not_exist_is_refused(self, shop: Audited, name: str) -> None:
        status, text = shop.run("check", name)
        assert status == 2
        assert f"There is no model {name!r}" in text


class Elsewhere:
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:  # noqa: ARG002
        return False if app_label == "audited" else None


class TestAliases:
    def test_without_the_plugin_it_is_refused(self, django_db_blocker: Any) -> None:
        with django_db_blocker.unblock(), opened(()) as connection:
            status, text = Audited(connection, "audited").run("check")
        assert status == 2
        assert text.endswith(
            "has no plugin that keeps values unique. Name another alias with --database, or add 'constraints' to its PLUGINS."
        )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestProgress:
    def progress(self, shop: Audited, stream: io.StringIO, **options: Any) -> str:
        shop.names("a", "b", "c")
        call_command(
            "kindstore_constraints", "check", "audited.Kept", database=shop.connection.alias, stdout=io.StringIO(), stderr=stream, **options
        )
        return stream.getvalue()

    def test_a_terminal_shows_it(self, shop: Audited) -> None:
        assert "\raudited.Kept: 3 rows, 0 markers".replace("\r", "\r\033[K") in self.progress(shop, Terminal())

    def test_it_has_a_bar_where_rows_are_counted(self, shop: Audited) -> None:
        counted = "count" in shop.session.capabilities.aggregations
        assert ("[########################]" in self.progress(shop, Terminal())) is counted

    def test_a_file_does_not(self, shop: Audited) -> None:
        assert self.progress(shop, io.StringIO()) == ""

    def test_nor_does_a_terminal_with_verbosity_0(self, shop: Audited) -> None:
        assert self.progress(shop, Terminal(), verbosity=0) == ""


class TestInsideAtomic:
    """As in a TestCase of Django's."""

    def test_what_is_repaired_is_rolled_back(self, django_db_blocker: Any) -> None:
        with django_db_blocker.unblock(), opened(("transactions", "constraints")) as connection:
            shop = damaged(Audited(connection, "audited"), damage_missing)
            with transaction.atomic(using=connection.alias):
                shop.rows().create(pk=4, name="d")
                assert shop.run("repair", "audited.Kept")[0] == 0
                assert shop.run("check", "audited.Kept")[0] == 0
                transaction.set_rollback(True, using=connection.alias)
            assert shop.owners() == [1, 3]
            assert shop.run("check", "audited.Kept")[0] == 1
