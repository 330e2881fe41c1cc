"""Cursors and page sizes of querysets."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.utils import DataError, NotSupportedError
from records.models import Record

from kindstore.contrib.queries import get_config, get_cursor, set_config, set_cursor
from kindstore.testing import capture_rpcs

pytestmark = pytest.mark.usefixtures("namespace")


@pytest.fixture
def records() -> Any:
    Record.objects.bulk_create([Record(n=n) for n in range(12)])
    return Record.objects.filter(n__gte=2).order_by("-n")


def pages(queryset: Any, size: int) -> list[list[int]]:
    """Read a queryset page by page, each from the cursor of the one before."""
    found, cursor = [], None
    while True:
        page = set_cursor(queryset, start=cursor)[:size]
        numbers = [record.n for record in page]
        if not numbers:
            return found
        found.append(numbers)
        cursor = get_cursor(page)


def test_pages_by_cursor_give_every_row_once(records: Any) -> None:
    assert pages(records, 4) == [[11, 10, 9, 8], [7, 6, 5, 4], [3, 2]]


def test_a_cursor_can_end_a_query(records: Any) -> None:
    end = get_cursor(records[:3])
    assert [record.n for record in set_cursor(records, end=end)] == [11, 10, 9]


def test_setting_a_cursor_leaves_the_queryset_as_it_is(records: Any) -> None:
    set_cursor(records, start=get_cursor(records[:3]))
    assert records.count() == 10


def test_a_lookup_by_key_has_no_cursor() -> None:
    assert get_cursor(Record.objects.filter(pk=1)) is None


def test_a_cursor_on_a_query_that_has_none_is_refused(records: Any) -> None:
    cursor = get_cursor(records[:1])
    with pytest.raises(NotSupportedError, match=r"records\.Record"):
        list(set_cursor(Record.objects.filter(pk=1), start=cursor))


@pytest.mark.parametrize("garbage", ["not base64!", "?", "AAAA"])
def test_garbage_is_no_cursor(records: Any, garbage: str) -> None:
    with pytest.raises(DataError):
        list(set_cursor(records, start=garbage))


def test_the_batch_size_is_the_number_of_rows_of_an_rpc(records: Any) -> None:
    with capture_rpcs() as rpcs:
        assert len(list(set_config(records, batch_size=5))) == 10
    assert rpcs.methods[:2] == ["RunQuery", "RunQuery"]


def test_the_configuration_survives_cloning(records: Any) -> None:
    assert get_config(set_config(records, batch_size=5).filter(n=3)) == {"batch_size": 5}


def test_a_batch_size_of_nothing_is_refused(records: Any) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        set_config(records, batch_size=0)
