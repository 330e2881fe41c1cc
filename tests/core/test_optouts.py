"""The inner class `Djangae` of models."""

from __future__ import annotations

import pytest
from django.core import checks
from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.test.utils import isolate_apps
from optouts import models as cases

from kindstore.core.checks import check_models
from kindstore.core.optouts import opt_outs
from kindstore.core.plugins import Plugins
from kindstore.core.registry import BUILT_IN


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (cases.Plain, set()),
        (cases.Uncached, {"caching"}),
        (cases.Bulk, {"constraints"}),
        (cases.UncachedBulk, {"caching", "constraints"}),
        (cases.Strict, set()),
        (cases.StrictList, {"caching"}),
        (cases.UncachedChild, set()),
        (cases.UncachedProxy, {"caching"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_opt_outs_of_a_model(model: type[models.Model], expected: set[str]) -> None:
    assert opt_outs(model) == expected


def test_a_historical_model_has_the_opt_outs_of_the_live_one() -> None:
    state = ProjectState()
    state.add_model(ModelState.from_model(cases.Uncached))
    historical = state.apps.get_model("optouts.Uncached")
    assert not hasattr(historical, "Djangae")
    assert opt_outs(historical) == {"caching"}


def test_a_historical_model_that_is_gone_has_none() -> None:
    state = ProjectState()
    state.add_model(ModelState("optouts", "Gone", [("id", models.AutoField(primary_key=True))]))
    assert opt_outs(state.apps.get_model("optouts.Gone")) == frozenset()


def test_the_built_in_plugin_tells_the_facade() -> None:
    plugins = Plugins([(name, cls()) for name, cls in BUILT_IN.items()])
    assert plugins.opt_outs(cases.Uncached) == {"caching"}


def messages_of(inner: type) -> list[checks.CheckMessage]:
    """Check one model with an inner class."""
    from types import SimpleNamespace

    with isolate_apps("optouts"):
        model = type("Checked", (models.Model,), {"__module__": cases.__name__, "Djangae": inner})
        return check_models(app_configs=[SimpleNamespace(get_models=lambda: [model])])


def test_an_unknown_attribute_is_an_error_that_lists_the_known_ones() -> None:
    (message,) = messages_of(type("Djangae", (), {"disable_caching": True}))
    assert (message.id, message.msg) == ("kindstore.E001", "optouts.Checked.Djangae has the unknown attribute 'disable_caching'.")
    assert message.hint == "Its attributes are disable_constraint_checks, disabled_plugins."


@pytest.mark.parametrize(("name", "value"), [("disabled_plugins", "caching"), ("disable_constraint_checks", "yes")])
def test_a_value_of_the_wrong_type_is_an_error(name: str, value: object) -> None:
    assert [message.id for message in messages_of(type("Djangae", (), {name: value}))] == ["kindstore.E002"]


def test_an_unknown_plugin_is_a_warning_that_lists_the_known_ones() -> None:
    (message,) = messages_of(type("Djangae", (), {"disabled_plugins": ("cachign", "relational")}))
    assert message.id == "kindstore.W001"
    assert "'cachign'" in message.msg
    assert "relational" in message.hint


def test_an_inner_class_that_is_right_says_nothing() -> None:
    assert messages_of(type("Djangae", (), {"disabled_plugins": ("relational",), "disable_constraint_checks": True})) == []
