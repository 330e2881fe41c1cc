"""Whatever the ORM can say gives the rows that Django's own sqlite3 backend gives."""

from __future__ import annotations

import pytest

from .queries import EVERY, Query

READS_ONLY = True


@pytest.mark.parametrize("query", EVERY.values(), ids=EVERY)
def test_result_is_that_of_sqlite(query: Query) -> None:
    assert query("default") == query("plain")
