"""The system checks of the plugins of each alias."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command

from kindstore.core import checks as ours
from kindstore.core.plugins import Plugins, hookimpl


class Bucket:
    def __init__(self, name: str) -> None:
        self.name = name

    @hookimpl
    def system_checks(self) -> list[checks.CheckMessage]:
        return [checks.Warning(f"There is no bucket {self.name}.", id="bucket.W001")]


@pytest.fixture
def aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there are two aliases of kindstore, and one of another backend without plugins."""
    found: list[Any] = [SimpleNamespace(vendor="kindstore", plugins=Plugins([("bucket", Bucket(name))])) for name in ("one", "two")]
    found.insert(1, SimpleNamespace(vendor="sqlite"))
    monkeypatch.setattr(ours, "connections", SimpleNamespace(all=lambda: found))


@pytest.mark.usefixtures("aliases")
def test_the_plugins_of_each_alias_are_asked() -> None:
    assert [message.msg for message in ours.check_aliases()] == ["There is no bucket one.", "There is no bucket two."]


@pytest.mark.usefixtures("aliases")
def test_manage_py_check_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check", "--tag", "kindstore")
    assert "There is no bucket one." in capsys.readouterr().err
