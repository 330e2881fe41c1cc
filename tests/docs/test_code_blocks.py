"""The Python of each page runs, from its top to its bottom."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
COMMITTING = ("page_by_cursor",)  # a cursor is a place in what the store has, not in what a test's transaction has written
BLOCK = re.compile(r"^([ ]*)```python\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks_of(page: Path) -> list[tuple[int, str]]:
    """Return the Python blocks of a page, each with its line."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(2)), textwrap.dedent(found[2])) for found in BLOCK.finditer(text)]


def test_there_are_blocks_to_run() -> None:
    assert len([block for page in PAGES for block in blocks_of(page)]) > 10


def marked(page: Path) -> Any:
    """Return a page as a parameter, with what it needs of the store."""
    return pytest.param(page, id=str(page.relative_to(ROOT)), marks=pytest.mark.django_db(transaction=page.stem in COMMITTING))


@pytest.mark.filterwarnings("ignore::kindstore.plugins.transactions.SplitTransactionWarning")  # of the flush, on a store with small commits
@pytest.mark.parametrize("page", [marked(page) for page in PAGES if blocks_of(page)])
def test_the_blocks_of_a_page_run(page: Path) -> None:
    namespace: dict[str, object] = {"__name__": "docs"}
    for line, source in blocks_of(page):
        exec(compile("\n" * line + source, str(page), "exec"), namespace)
