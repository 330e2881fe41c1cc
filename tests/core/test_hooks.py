"""Every hook: called through the facade, and described in the reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import checks

from kindstore.core import hookspecs
from kindstore.core.plugins import Plugins, hookimpl
from kindstore.core.settings import AliasSettings

HOOKS = sorted(name for name, value in vars(hookspecs).items() if hasattr(value, "kindstore_spec"))
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"


class Step:
    needs_before = False
    needs_after = False

    def __init__(self, owner: str, model: type) -> None:
        self.owner, self.model = owner, model

    def __call__(self, batch: Any) -> None:
        """Add nothing."""


class Everything:
    """Implements each hook with an answer that tells who gave it."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.calls: list[str] = []

    @hookimpl
    def driver(self, settings: AliasSettings) -> Any:
        return (self.owner, settings.alias)

    @hookimpl
    def constraint_step(self, model: type) -> Any:
        return Step(self.owner, model)

    @hookimpl
    def index_step(self, model: type) -> Any:
        return Step(self.owner, model)

    @hookimpl
    def predicate_rewriter(self, model: type) -> Callable[[Any], Any]:
        return lambda predicate: (self.owner, model, predicate)

    @hookimpl
    def read_layer(self) -> Callable[[Any], Any]:
        return lambda lookup: lambda *arguments: (self.owner, lookup(*arguments))

    @hookimpl
    def commit_layer(self) -> Callable[[Any], Any]:
        return lambda commit: lambda *arguments: (self.owner, commit(*arguments))

    @hookimpl
    def transaction_manager(self) -> Any:
        return f"transactions of {self.owner}"

    @hookimpl
    def unique_keeper(self) -> Any:
        return f"keeper of {self.owner}"

    @hookimpl
    def check_keeper(self) -> Any:
        return f"checks of {self.owner}"

    @hookimpl
    def residual_engine(self) -> Any:
        return f"engine of {self.owner}"

    @hookimpl
    def observer(self) -> Any:
        return f"observer of {self.owner}"

    @hookimpl
    def system_checks(self) -> Iterable[checks.CheckMessage]:
        return [checks.Info(self.owner)]

    @hookimpl
    def model_opt_outs(self, model: type) -> Iterable[str]:
        return ["inner"] if model is Group else []


class Nothing:
    """Hands nothing over."""


class Several:
    """Hands over more than one step."""

    @hookimpl
    def constraint_step(self, model: type) -> Any:
        return [Step("first", model), Step("second", model)]


class Declines:
    """Implements hooks and answers None."""

    @hookimpl
    def driver(self, settings: AliasSettings) -> None:
        return None

    @hookimpl
    def index_step(self, model: type) -> None:
        return None

    @hookimpl
    def transaction_manager(self) -> None:
        return None


@pytest.fixture
def plugins() -> Plugins:
    return Plugins([("declines", Declines()), ("outer", Everything("outer")), ("nothing", Nothing()), ("inner", Everything("inner"))])


@pytest.fixture
def bare() -> Plugins:
    return Plugins([("nothing", Nothing())])


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_test_here(hook: str) -> None:
    assert f"test_hook_{hook}" in globals()


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_heading_and_an_example_in_the_reference(hook: str) -> None:
    sections = re.split(r"^## ", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = [each for each in sections if each.startswith(f"`{hook}`\n")]
    assert f"def {hook}(" in section


def test_the_reference_has_no_heading_for_a_hook_that_is_gone() -> None:
    assert sorted(re.findall(r"^## `(\w+)`$", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)) == HOOKS


def test_hook_driver(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.driver(AliasSettings(alias="default", name="")) == ("outer", "default")
    assert bare.driver(AliasSettings(alias="default", name="")) is None


def test_hook_constraint_step(plugins: Plugins, bare: Plugins) -> None:
    assert [(step.owner, step.model) for step in plugins.constraint_steps(User)] == [("outer", User), ("inner", User)]
    assert bare.constraint_steps(User) == ()


def test_a_plugin_may_hand_over_several_steps() -> None:
    plugins = Plugins([("several", Several()), ("one", Everything("one"))])
    assert [step.owner for step in plugins.constraint_steps(User)] == ["first", "second", "one"]


def test_hook_index_step(plugins: Plugins, bare: Plugins) -> None:
    assert [(step.owner, step.model) for step in plugins.index_steps(User)] == [("outer", User), ("inner", User)]
    assert bare.index_steps(User) == ()


def test_hook_predicate_rewriter(plugins: Plugins, bare: Plugins) -> None:
    answers: list[Any] = [rewrite(True) for rewrite in plugins.predicate_rewriters(User)]
    assert answers == [("outer", User, True), ("inner", User, True)]
    assert bare.predicate_rewriters(User) == ()


def test_hook_read_layer(plugins: Plugins, bare: Plugins) -> None:
    def lookup(keys: Any) -> Any:
        return ("store", keys)

    for layer in reversed(plugins.read_layers()):
        lookup = layer(lookup)
    assert lookup(["key"]) == ("outer", ("inner", ("store", ["key"])))
    assert bare.read_layers() == ()


def test_hook_commit_layer(plugins: Plugins, bare: Plugins) -> None:
    def commit(mutations: Any) -> Any:
        return ("store", mutations)

    for layer in reversed(plugins.commit_layers()):
        commit = layer(commit)
    assert commit(["put"]) == ("outer", ("inner", ("store", ["put"])))
    assert bare.commit_layers() == ()


def test_hook_transaction_manager(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.transaction_manager() == "transactions of outer"
    assert bare.transaction_manager() is None


def test_hook_unique_keeper(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.unique_keeper() == "keeper of outer"
    assert bare.unique_keeper() is None


def test_hook_check_keeper(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.check_keeper() == "checks of outer"
    assert bare.check_keeper() is None


def test_hook_residual_engine(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.residual_engine() == "engine of outer"
    assert bare.residual_engine() is None


def test_hook_observer(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.observers() == ("observer of outer", "observer of inner")
    assert bare.observers() == ()


def test_hook_system_checks(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.system_checks() == [checks.Info("outer"), checks.Info("inner")]
    assert bare.system_checks() == []


class TellsItsAlias:
    @hookimpl
    def constraint_step(self, model: type, alias: str) -> Any:
        return (model, alias)

    @hookimpl
    def system_checks(self, alias: str) -> list[Any]:
        return [checks.Info(alias)]


def test_hooks_of_a_model_and_the_checks_are_told_the_alias() -> None:
    plugins = Plugins([("tells", TellsItsAlias())], alias="archive")
    assert plugins.constraint_steps(User) == ((User, "archive"),)
    assert plugins.system_checks() == [checks.Info("archive")]


def test_hook_model_opt_outs(plugins: Plugins, bare: Plugins) -> None:
    assert plugins.opt_outs(Group) == {"inner"}
    assert [step.owner for step in plugins.index_steps(Group)] == ["outer"]
    assert bare.opt_outs(Group) == frozenset()
