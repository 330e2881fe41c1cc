"""Models that are not kept unique, by their own word or by a setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import override_settings
from django.test.utils import isolate_apps
from uniques.models import Account, Kept, Team, Unkept

from kindstore.core.datamodel import Entity, Key
from kindstore.core.optouts import keeps_constraints

Markers = Callable[[], dict[Key, Entity]]


@pytest.fixture
def disabled() -> Any:
    with override_settings(DJANGAE_DISABLE_CONSTRAINT_CHECKS=True):
        yield


def test_a_model_that_opts_out_has_no_markers_and_no_conflicts(markers: Markers) -> None:
    Unkept.objects.create(name="a")
    Unkept.objects.create(name="a")
    Unkept.objects.update(name="b")
    assert markers() == {}
    Unkept.objects.all().delete()


@pytest.mark.usefixtures("disabled")
def test_the_setting_turns_all_constraints_off(markers: Markers) -> None:
    Account.objects.create(email="a")
    Account.objects.create(email="a")
    assert markers() == {}


@pytest.mark.usefixtures("disabled")
def test_a_model_may_ask_for_its_constraints_where_the_setting_turns_them_off(markers: Markers) -> None:
    Kept.objects.create(name="a")
    with pytest.raises(IntegrityError, match=r"uniques\.Kept\.name"):
        Kept.objects.create(name="a")
    assert len(markers()) == 1


def test_the_setting_is_heard_by_connections_that_are_open(markers: Markers) -> None:
    Account.objects.create(email="a")
    with override_settings(DJANGAE_DISABLE_CONSTRAINT_CHECKS=True):
        Account.objects.create(email="a")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.create(email="a")
    assert len(markers()) == 1


@pytest.mark.usefixtures("disabled")
def test_a_relation_holds_each_row_once_without_markers_too() -> None:
    team, account = Team.objects.create(name="a"), Account.objects.create(email="a")
    team.members.add(account)
    team.members.add(account)
    assert Team.members.through.objects.count() == 1


@pytest.mark.usefixtures("disabled")
def test_nothing_is_passed_over_where_the_setting_turns_all_constraints_off() -> None:
    assert not connection.features.supports_ignore_conflicts


def historical(model: Any) -> Any:
    """Return the model of a migration for a model of today: it has lost its inner class."""
    from django.db.migrations.state import ModelState, ProjectState

    state = ProjectState()
    state.add_model(ModelState.from_model(model))
    return state.apps.get_model(model._meta.label)


@pytest.mark.parametrize(("model", "kept"), [(Unkept, False), (Kept, True), (Account, True)])
def test_the_models_of_migrations_are_kept_as_those_of_today(model: Any, kept: bool) -> None:
    old = historical(model)
    assert not hasattr(old, "Djangae")
    assert keeps_constraints(old) is kept


def test_the_rows_of_a_migrations_model_own_their_values(markers: Markers) -> None:
    historical(Account).objects.create(email="a")
    assert len(markers()) == 1
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.create(email="a")


@isolate_apps("uniques")
def test_a_child_may_opt_back_in() -> None:
    from django.db import models

    class Parent(models.Model):
        class Djangae:
            disable_constraint_checks = True

        class Meta:
            abstract = True
            app_label = "uniques"

    class Out(Parent):
        class Meta:
            app_label = "uniques"

    class In(Parent):
        class Djangae:
            disable_constraint_checks = False

        class Meta:
            app_label = "uniques"

    assert (keeps_constraints(Out), keeps_constraints(In)) == (False, True)
