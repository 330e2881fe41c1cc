"""What the sdist and the wheel hold, and that an installed wheel works by itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("contrib", "core", "drivers", "plugins", "testing")
SMOKE = """
import importlib.metadata as metadata, pathlib, kindstore
from kindstore.core.datamodel import Key
assert metadata.version("django-kindstore") == kindstore.__version__
assert (pathlib.Path(kindstore.__file__).parent / "py.typed").exists()
assert Key((("Book", 1),)).kind == "Book"
from kindstore.core.registry import available_names
assert "relational" in available_names(), available_names()
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["kindstore.core", "django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "kindstore.drivers.memory", "NAME": ":memory:"}},
)
django.setup()
from django.core.management import call_command
call_command("check")
call_command("migrate", verbosity=0)
from django.contrib.auth.models import Group
group = Group.objects.create(name="readers")
assert Group.objects.get(name="readers") == group
print("smoke test passed")
"""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the checkout, so that a build neither finds what an earlier one left nor leaves anything."""
    left_behind = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*.kindstore*")
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("checkout") / "kindstore", ignore=left_behind))


@pytest.fixture(scope="session")
def dist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist and, from it, the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(checkout)], check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    (path,) = dist.glob("*.tar.gz")
    return path


def names_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(archive.namelist())


def test_wheel_holds_the_package_and_nothing_else(wheel: Path, checkout: Path) -> None:
    modules = {f"kindstore/{path.relative_to(checkout).as_posix()}" for folder in OURS for path in (checkout / folder).rglob("*.py")}
    names = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert names == {"kindstore/__init__.py", "kindstore/py.typed", *modules}


def test_wheel_built_from_the_checkout_is_the_same(wheel: Path, checkout: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(checkout)], check=True)
    (direct,) = tmp_path.glob("*.whl")
    assert names_in(direct) == names_in(wheel)


def test_wheel_has_the_entry_points_of_pyproject(wheel: Path) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["kindstore.plugins"]
    (path,) = (name for name in names_in(wheel) if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(path).decode().split("\n")
    assert lines == ["[kindstore.plugins]", *(f"{name} = {declared[name]}" for name in sorted(declared)), ""]


def test_sdist_can_build_the_wheel_and_holds_no_rubbish(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "__init__.py", "py.typed"} <= names
    assert [name for name in sorted(names) if "__pycache__" in name or name.startswith((".tox", "build/", "dist/"))] == []


def test_twine_accepts_both(dist: Path) -> None:
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())], check=True)


def test_installed_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    done = subprocess.run([python, "-W", "error", "-c", SMOKE], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "smoke test passed"
