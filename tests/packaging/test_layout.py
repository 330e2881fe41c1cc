"""The root of the checkout is the package: what that needs to stay true."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("core", "drivers", "plugins", "contrib", "testing")


def packages_on_disk() -> set[str]:
    """Return the dotted name of each folder with an `__init__.py`."""
    found = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("__init__.py")}
    return {"kindstore", *(".".join(("kindstore", *path.relative_to(ROOT).parts)) for path in found)}


def test_pyproject_lists_every_package_and_no_other() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(packages_on_disk())


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_root_holds_no_module_but_the_package_itself() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]
