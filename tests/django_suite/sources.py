"""Django's sources as they were published, and which of its test modules touch the database."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

CACHE = Path(__file__).resolve().parents[2] / ".tox" / "django-suite"
TEST_CLASSES = {"TestCase", "TransactionTestCase", "LiveServerTestCase", "StaticLiveServerTestCase", "AdminSeleniumTestCase"}
ASIDE = {
    "gis_tests": "needs a spatial database",
    "postgres_tests": "needs PostgreSQL",
    "test_runner_apps": "is what the tests of test_runner run",
}


def django_version() -> str:
    """Return the version of the Django that is installed."""
    return version("django")


def fetch(cache: Path = CACHE) -> Path:
    """Return the folder of the tests of the installed Django, out of the sdist of that version, which is downloaded once."""
    unpacked = cache / f"django-{django_version()}"
    if not (unpacked / "tests" / "runtests.py").exists():
        download(cache)
        (archive,) = cache.glob(f"[dD]jango-{django_version()}.tar.gz")
        with tarfile.open(archive) as source:
            safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # since Python 3.11.4
            source.extractall(cache, **safely)
    return unpacked / "tests"


def download(cache: Path) -> None:
    """Let pip fetch the sdist; it checks what the index says of it."""
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--no-deps", "--no-binary", "django", "--dest", str(cache)]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *options, f"django=={django_version()}"], check=True)


def database_modules(tests: Path) -> list[str]:
    """Return the names of the test modules that have tests with a database, in the order of the alphabet."""
    names = sorted(path.parent.name for path in tests.glob("*/__init__.py"))
    return [name for name in names if name not in ASIDE and touches_database(tests / name)]


def touches_database(module: Path) -> bool:
    """Tell whether a test module imports one of the classes of Django whose tests have a database."""
    return any(TEST_CLASSES & set(imported(path)) for path in module.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Give the names that a file imports from Django."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # a file that Django's tests want to be broken
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django."):
            yield from (name.name for name in node.names)
