"""The registry: which plugins an alias gets, in which order, with which options, and what it says when these are wrong."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from kindstore.core import registry
from kindstore.core.plugins import hookimpl
from kindstore.core.registry import plugins_of
from kindstore.core.settings import AliasSettings

HERE = "kindstore_test_plugins"


class DriverPlugin:
    @hookimpl
    def driver(self, settings: AliasSettings) -> Any:
        return f"the driver of {settings.alias}"


class Talkative:
    """Tells its name and options by a check message."""

    @hookimpl
    def system_checks(self) -> list[checks.CheckMessage]:
        return [checks.Info(f"{type(self).__name__} {vars(self)}")]


class First(Talkative):
    position = 10


class Second(Talkative):
    position = 90

    def __init__(self, alias: str = "default", *, size: int = 1) -> None:
        if size < 1:
            raise ImproperlyConfigured("size must be positive.")
        self.alias, self.size = alias, size


class Demanding:
    def __init__(self, *, bucket: str) -> None:
        self.bucket = bucket


class Misspelt:
    @hookimpl
    def observers(self) -> None:
        """Implement a hook that does not exist."""


class WrongArgument:
    @hookimpl
    def index_step(self, models: Any) -> None:
        """Name an argument that the hook does not give."""


NOT_A_CLASS = First()


class Distribution:
    def __init__(self, name: str) -> None:
        self.name = name


def entry(name: str, value: str, distribution: str) -> EntryPoint:
    point = EntryPoint(name, value, registry.GROUP)
    vars(point)["dist"] = Distribution(distribution)
    return point


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that two plugins are bundled, one is foreign, and one name is taken twice."""
    module = ModuleType(HERE)
    vars(module).update({cls.__name__: cls for cls in (First, Second, Demanding, Misspelt, WrongArgument)}, NOT_A_CLASS=NOT_A_CLASS)
    monkeypatch.setitem(sys.modules, HERE, module)
    for cls in (First, Second, Demanding):
        monkeypatch.setattr(cls, "__module__", HERE)
    points = EntryPoints(
        (
            entry("alpha", f"{HERE}:Second", "django-kindstore"),
            entry("omega", f"{HERE}:First", "Django_Kindstore"),
            entry("foreign", f"{HERE}:Demanding", "kindstore-foreign"),
            entry("twice", f"{HERE}:First", "kindstore-one"),
            entry("twice", f"{HERE}:Second", "kindstore-two"),
            entry("broken", "kindstore_no_such_module:Plugin", "kindstore-broken"),
        )
    )
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))
    monkeypatch.setattr(registry, "_made", {})


def alias(*names: str, **options: dict[str, Any]) -> AliasSettings:
    return AliasSettings(alias="default", name="", plugins=names, plugin_options=options)


def told(settings: AliasSettings) -> list[str]:
    return [message.msg for message in plugins_of(settings, DriverPlugin).system_checks()]


def test_the_driver_comes_first_and_the_built_in_ones_last() -> None:
    assert plugins_of(alias("omega", "alpha"), DriverPlugin).names == ("driver", "omega", "alpha", "model_opt_outs")


def test_the_driver_hands_itself_over() -> None:
    settings = alias()
    assert plugins_of(settings, DriverPlugin).driver(settings) == "the driver of default"


def test_the_order_of_the_settings_is_the_order_of_the_calls() -> None:
    assert [text.split()[0] for text in told(alias("alpha", "omega"))] == ["Second", "First"]
    assert [text.split()[0] for text in told(alias("omega", "alpha"))] == ["First", "Second"]


def test_without_a_list_all_bundled_plugins_are_on_by_their_position() -> None:
    settings = AliasSettings(alias="default", name="", plugins=None)
    assert plugins_of(settings, DriverPlugin).names == ("driver", "omega", "alpha", "model_opt_outs")


def test_only_named_entry_points_are_loaded() -> None:
    assert plugins_of(alias("omega"), DriverPlugin).get("broken") is None


def test_a_dotted_path_names_a_class() -> None:
    name = f"{HERE}.Second"
    assert told(alias(name, **{name: {"size": 3}})) == ["Second {'alias': 'default', 'size': 3}"]


def test_options_are_keyword_arguments() -> None:
    assert told(alias("alpha", alpha={"alias": "other", "size": 2})) == ["Second {'alias': 'other', 'size': 2}"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            alias("cachign"),
            "DATABASES['default']['PLUGINS'] names 'cachign', but no plugin of that name is installed. "
            "Installed are 'alpha', 'broken', 'foreign', 'omega', 'twice'; or give the dotted path of a class.",
        ),
        (alias("alpha", "omega", "alpha"), "DATABASES['default']['PLUGINS'] names 'alpha' more than once."),
        (alias("driver"), "DATABASES['default']['PLUGINS'] names 'driver', which kindstore adds itself."),
        (alias(7), "DATABASES['default']['PLUGINS'] holds 7; it must hold names of plugins or dotted paths"),
        (alias("twice"), "names 'twice', which 'kindstore-one', 'kindstore-two' all install."),
        (alias(f"{HERE}.Third"), f"but {HERE} has no 'Third'. Its classes are 'Demanding', 'First', 'Second'."),
        (alias(f"{HERE}.NOT_A_CLASS"), "a plugin is a class."),
        (alias("kindstore_nowhere.Plugin"), "but there is no module 'kindstore_nowhere'."),
        (alias("broken"), "names 'broken', but there is no module 'kindstore_no_such_module'."),
        (alias("alpha", alpha={"colour": 1}), "['OPTIONS']['alpha'] has 'colour'; the options of 'alpha' are 'alias', 'size'."),
        (alias("omega", omega={"size": 1}), "['OPTIONS']['omega'] has 'size'; the options of 'omega' are none."),
        (alias("alpha", alpha=3), "['OPTIONS']['alpha'] is 3; it must be a dictionary"),
        (alias("foreign"), "['OPTIONS']['foreign'] lacks 'bucket'; the plugin 'foreign' cannot do without."),
        (alias("omega", alpha={"size": 1}), "['OPTIONS'] has options for 'alpha', which is no enabled plugin. Enabled are 'omega';"),
        (alias("alpha", alpha={"size": 0}), "size must be positive."),
        (alias(f"{HERE}.Misspelt"), "A plugin implements a hook wrongly: unknown hook 'observers'"),
        (alias(f"{HERE}.WrongArgument"), "A plugin implements a hook wrongly: "),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(map(str, value.plugins)),
)
def test_what_is_wrong_is_said(settings: AliasSettings, message: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        plugins_of(settings, DriverPlugin)
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")


def test_an_unknown_hook_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"The hooks are check_keeper, commit_layer, .*observer, .*transaction_manager, unique_keeper\."
    ):
        plugins_of(alias(f"{HERE}.Misspelt"), DriverPlugin)


def test_a_missing_requirement_is_named(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kindstore_needy.py").write_text("import kindstore_requirement\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImproperlyConfigured, match="which needs the module 'kindstore_requirement', and that is not installed"):
        plugins_of(alias("kindstore_needy.Plugin"), DriverPlugin)


def test_the_plugins_of_an_alias_are_made_once() -> None:
    assert plugins_of(alias("alpha"), DriverPlugin) is plugins_of(alias("alpha"), DriverPlugin)


def test_other_options_make_other_plugins() -> None:
    before = plugins_of(alias("alpha"), DriverPlugin)
    assert plugins_of(alias("alpha", alpha={"size": 2}), DriverPlugin) is not before


def test_another_name_of_the_database_keeps_them() -> None:
    before = plugins_of(alias("alpha"), DriverPlugin)
    assert plugins_of(AliasSettings(alias="default", name="test", plugins=("alpha",)), DriverPlugin) is before


@pytest.mark.parametrize("setting", ["KINDSTORE_PLUGINS", "DJANGAE_CACHE_ENABLED"])
def test_a_changed_setting_makes_them_anew(setting: str) -> None:
    before = plugins_of(alias("alpha"), DriverPlugin)
    with override_settings(**{setting: []}):
        assert plugins_of(alias("alpha"), DriverPlugin) is not before


def test_an_unrelated_setting_keeps_them() -> None:
    before = plugins_of(alias("alpha"), DriverPlugin)
    with override_settings(SITE_ID=1):
        assert plugins_of(alias("alpha"), DriverPlugin) is before


def test_trace_plugins_logs_each_call_with_its_result(caplog: pytest.LogCaptureFixture) -> None:
    settings = AliasSettings(alias="default", name="", plugins=("omega",), trace_plugins=True)
    with caplog.at_level(logging.DEBUG, logger="kindstore.plugins"):
        plugins_of(settings, DriverPlugin).system_checks()
    assert caplog.messages[0] == "system_checks(alias) -> ['omega']"
    assert caplog.messages[1].startswith("system_checks = [[<Info:")


def test_nothing_is_logged_without_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="kindstore.plugins"):
        plugins_of(alias("omega"), DriverPlugin).system_checks()
    assert caplog.messages == []


def test_a_class_that_is_no_plugin_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"datetime\.datetime is no plugin"):
        plugins_of(AliasSettings("odd", "", plugins=("datetime.datetime",)), object)
