"""Generated columns and database defaults: computed for the row that is written, and stored with it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from computed.models import Entry, Handle, Square
from django.core import checks
from django.db import IntegrityError, NotSupportedError, connection
from django.db.models import F, Sum, Value
from django.db.models.functions import Upper
from django.utils import timezone

from kindstore.testing import capture_rpcs


@pytest.fixture(autouse=True)
def namespace(own_store: Any) -> Iterator[str]:
    with own_store("generated", ["constraints", "relational"], {"relational": {"policy": "allow"}}) as name:
        yield name


def is_legacy() -> bool:
    return not connection.session.capabilities.property_masks


def columns(square: Square) -> tuple[Any, ...]:
    return square.area, square.lower, square.taxed, square.double


class TestGenerated:
    def test_a_new_row_has_its_columns_at_once(self) -> None:
        square = Square.objects.create(width=3, height=4, name="Ab", price=Decimal("1.50"))
        assert columns(square) == (12, "ab", Decimal("3.00"), 24)
        assert columns(Square.objects.get()) == (12, "ab", Decimal("3.00"), 24)

    def test_rows_of_bulk_create_have_theirs(self) -> None:
        squares = Square.objects.bulk_create([Square(width=width, name=f"N{width}") for width in (1, 2, 3)])
        assert [(each.area, each.lower) for each in squares] == [(1, "n1"), (2, "n2"), (3, "n3")]

    def test_they_are_filtered_ordered_and_aggregated_natively(self) -> None:
        Square.objects.bulk_create([Square(width=width, name=f"N{width}") for width in (1, 3, 2)])
        plan = Square.objects.filter(area__gt=1, lower="n3").explain()
        assert "Emulated" not in plan
        assert [each.area for each in Square.objects.order_by("-lower")] == [3, 2, 1]
        assert Square.objects.filter(taxed=Decimal(0)).aggregate(Sum("double")) == {"double__sum": 12}

    def test_null_makes_null(self) -> None:
        assert Square.objects.create(width=1, name=None).lower is None

    @pytest.mark.parametrize("way", ["save", "update_fields", "update", "update F", "bulk_update", "conflict"])
    def test_an_update_computes_them_anew(self, way: str) -> None:
        square = Square.objects.create(width=3, height=4, name="Ab")
        square.width, rows = 5, Square.objects.filter(pk=square.pk)
        ways: dict[str, Any] = {
            "save": square.save,
            "update_fields": lambda: square.save(update_fields=["width"]),
            "update": lambda: rows.update(width=5),
            "update F": lambda: rows.update(width=F("width") + 2),
            "bulk_update": lambda: Square.objects.bulk_update([square], ["width"]),
            "conflict": lambda: Square.objects.bulk_create([square], update_conflicts=True, unique_fields=["id"], update_fields=["width"]),
        }
        ways[way]()
        assert columns(rows.get()) == (20, "ab", Decimal("0.00"), 40)

    def test_a_save_needs_no_read(self) -> None:
        square = Square.objects.create(width=3, name="Ab")
        with capture_rpcs() as rpcs:
            square.save()
        assert rpcs.methods == (["Lookup", "Commit"] if is_legacy() else ["Commit"])

    def test_an_update_of_some_sources_reads_the_row(self) -> None:
        square = Square.objects.create(width=3)
        with capture_rpcs() as rpcs:
            square.save(update_fields=["width"])
        assert rpcs.methods == ["Lookup", "Commit"]

    def test_one_may_be_unique_and_checked(self) -> None:
        handle = Handle.objects.create(name="Ann")
        with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: .*lower"):
            Handle.objects.create(name="ANN")
        with pytest.raises(IntegrityError, match="CHECK constraint failed: handle_is_free"):
            Handle.objects.create(name="Root")
        with pytest.raises(IntegrityError, match="CHECK constraint failed: handle_is_free"):
            Handle.objects.filter(pk=handle.pk).update(name="ROOT")
        Handle.objects.bulk_create([Handle(name="aNN")], ignore_conflicts=True)
        assert Handle.objects.count() == 1

    def test_without_sql_what_python_computes_is_computed_and_the_rest_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "PLUGINS", [])
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
        connection.close()
        with pytest.raises(NotSupportedError, match=r"computed\.Square has a GeneratedField, and nothing computes it\. Add 'relational'"):
            Square.objects.create(width=1)
        messages = Square.check(databases=["default"])
        assert {each.id for each in messages if each.level >= checks.ERROR} >= {"fields.E220", "fields.E221"}


class TestDefaults:
    def test_a_row_gets_what_it_is_not_given(self) -> None:
        entry = Entry.objects.create()
        assert (entry.title, entry.rank, entry.ratio) == ("untitled", 7, math.pi)
        assert abs(entry.created - timezone.now()) < dt.timedelta(minutes=1)
        assert Entry.objects.values_list("title", "rank", "created").get() == ("untitled", 7, entry.created)

    def test_a_value_that_is_given_stays(self) -> None:
        assert Entry.objects.create(title="a", rank=3).rank == 3

    def test_rows_of_one_statement_share_the_moment(self) -> None:
        entries = Entry.objects.bulk_create([Entry(), Entry(rank=1), Entry()])
        assert len({entry.created for entry in entries}) == 1
        assert [entry.rank for entry in entries] == [7, 1, 7]

    def test_functions_in_create_are_computed(self) -> None:
        entries = [Entry.objects.create(title=Upper(Value(name))) for name in ("a", "b")]
        assert [entry.title for entry in Entry.objects.order_by("title")] == ["A", "B"]
        assert len(entries) == 2

    def test_a_default_costs_no_rpc(self) -> None:
        with capture_rpcs() as rpcs:
            Entry.objects.create()
        assert rpcs.methods == ["Commit"]

    def test_a_plain_value_needs_no_sql(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "PLUGINS", [])
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
        connection.close()
        entry = Entry.objects.create(ratio=1.0, created=timezone.now())
        assert (entry.title, entry.rank) == ("untitled", 7)
        with pytest.raises(NotSupportedError, match=r"computed\.Entry\.ratio is given the expression Pi\(\)"):
            Entry.objects.create(created=timezone.now())
