"""What `manage.py check` says about constraints, and what Django is told that the store can do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import ValidationError
from django.db import IntegrityError, NotSupportedError, connection, models
from django.db.models import UniqueConstraint
from django.test.utils import isolate_apps
from uniques.models import Account, Draft, ItemsField, Patient, Seat, Tagged, Title

from kindstore.core.datamodel import Entity, Key
from kindstore.plugins.constraints.checking import check_model
from kindstore.plugins.constraints.uniques import Uniques, uniques_of

DJANGOS = {"models.W036", "models.W038", "models.W039", "models.W044", "models.W047"}


def messages(model: Any, plugins: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what the plugins say about a model, by id."""
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", plugins)
    connection.close()
    return {message.id: message.msg for message in connection.plugins.system_checks() if message.obj is model}


def test_a_constraint_that_needs_sql_is_an_error_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert messages(Title, ["constraints"], monkeypatch) == {
        "kindstore.E021": "The constraint 'one_title' of uniques.Title cannot be kept by the store alone: an expression is computed."
    }
    assert messages(Title, ["constraints", "relational"], monkeypatch) == {}


@pytest.mark.parametrize("model", [Account, Draft, Seat, Tagged])
def test_a_constraint_that_needs_no_sql_is_no_error(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert messages(model, ["constraints"], monkeypatch) == {}


def test_without_sql_nothing_is_written_that_cannot_be_kept_unique() -> None:
    with pytest.raises(
        NotSupportedError,
        match=r"The constraint 'one_title' of uniques\.Title cannot be kept: an expression is computed\. Add 'relational'",
    ):
        Title.objects.create(text="a")
    assert Title.objects.count() == 0


def test_a_deferred_constraint_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert messages(Patient, ["constraints"], monkeypatch) == {
        "kindstore.W021": "The constraint 'one_place' of uniques.Patient is deferred, and is checked at each statement all the same."
    }


@isolate_apps("uniques")
def test_two_lists_in_one_constraint_are_an_error() -> None:
    class Grid(models.Model):
        rows = ItemsField()
        columns = ItemsField()

        class Meta:
            app_label = "uniques"
            constraints = (UniqueConstraint(fields=("rows", "columns"), name="one_cell"),)

    (message,) = check_model(Grid, uniques_of(Grid, connection), "default")
    assert message.id == "kindstore.E022"
    assert message.msg == "The constraint 'one_cell' of uniques.Grid has more than one list: rows, columns."
    row = Entity(Key((("uniques_grid", 1),)), {"rows": ("a",), "columns": ("b",)})
    with pytest.raises(NotSupportedError, match=r"uniques\.Grid\.columns, uniques\.Grid\.rows cannot be unique together"):
        Uniques(Grid, connection).claims([row])


def djangos(monkeypatch: pytest.MonkeyPatch, plugins: list[str]) -> set[str | None]:
    """Return the ids of what Django itself says about constraints."""
    monkeypatch.setitem(connection.settings_dict, "PLUGINS", plugins)
    connection.close()
    said: list[checks.CheckMessage] = [message for model in (Draft, Seat, Title, Patient) for message in model.check(databases=["default"])]
    return {message.id for message in said} & DJANGOS


def test_django_warns_of_constraints_where_nothing_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert djangos(monkeypatch, []) == DJANGOS


def test_django_does_not_warn_where_the_plugin_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert djangos(monkeypatch, ["constraints"]) == set()


def test_full_clean_leaves_a_condition_that_it_cannot_check_to_the_store() -> None:
    Draft(slug="a", kind="many").full_clean()
    Draft.objects.create(slug="a")
    Draft(slug="a", kind="many").full_clean()
    with pytest.raises(IntegrityError, match="one_live_slug"):
        Draft.objects.create(slug="a")


def test_full_clean_finds_what_is_taken_without_sql() -> None:
    Seat.objects.create(number=1, code="a", color="red")
    with pytest.raises(ValidationError, match="Seat with this Code already exists"):
        Seat(row=1, number=1, code="a", color="red").full_clean()
