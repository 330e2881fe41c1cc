"""Which of Django's test modules are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from .share import share_of
from .sources import database_modules


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    sources = {
        "rows": "from django.test import SimpleTestCase, TestCase",
        "postgres_tests": "from django.test import TestCase",
        "forms": "from django.test import SimpleTestCase",
        "broken": "from django.test import TestCase (",
        "plain": "from unittest import TestCase",
    }
    for name, source in sources.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "tests.py").write_text(source)
    return tmp_path


def test_a_module_with_a_database_is_run_and_no_other(tests: Path) -> None:
    assert database_modules(tests) == ["rows"]


def test_the_share_leaves_the_slowest_out() -> None:
    assert share_of(["admin_docs", "admin_views", "auth_tests", "basic"]) == ["admin_docs", "basic"]
