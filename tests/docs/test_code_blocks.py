"""The Python of each page runs, from its top to its bottom."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
BLOCK = re.compile(r"^([ ]*)```python\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks_of(page: Path) -> list[tuple[int, str]]:
    """Return the Python blocks of a page, each with its line."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(2)), textwrap.dedent(found[2])) for found in BLOCK.finditer(text)]


def test_there_are_blocks_to_run() -> None:
    assert len([block for page in PAGES for block in blocks_of(page)]) > 10


@pytest.mark.django_db
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page: Path) -> None:
    namespace: dict[str, object] = {"__name__": "docs"}
    for line, source in blocks_of(page):
        exec(compile("\n" * line + source, str(page), "exec"), namespace)
