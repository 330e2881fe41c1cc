"""Cursors: a query goes on where a page ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ...core.datamodel import KEY, Filter, HasAncestor, Key, Query, Value
from ...core.driver import Driver, ReadOptions
from .kit import IDS, ROOT, Conformance, delete, found, member, query, store, test

DATA: dict[int | str, dict[str, Value]] = {ident: {"n": ident // 2, "s": "ab"[ident % 2]} for ident in range(1, 12)}
CONDITIONS: list[tuple[tuple[Filter, ...], str]] = [
    ((), ""),
    ((), "n __key__"),
    ((), "-n __key__"),
    ((), "-__key__"),
    ((), "s -n __key__"),
    ((test("s", "=", "a"),), ""),
    ((test("n", ">", 1),), "n __key__"),
    ((test("n", "<", 4),), "-n __key__"),
]


def walked(driver: Driver, asked: Query, size: int) -> list[int | str]:
    """Return what is found by restarting the query after each page."""
    ids: list[int | str] = []
    while True:
        page = next(driver.run_query(replace(asked, limit=size), IDS))
        ids += [ident for (ident,) in page.rows]
        if len(page.rows) < size:
            return ids
        assert page.cursor is not None
        asked = replace(asked, start_cursor=page.cursor)


class CursorConformance(Conformance):
    @pytest.mark.parametrize("size", [1, 3, 4])
    @pytest.mark.parametrize(("conditions", "order"), CONDITIONS)
    def test_a_query_goes_on_after_a_page(
        self, driver: Driver, namespace: str, conditions: tuple[Filter, ...], order: str, size: int
    ) -> None:
        store(driver, namespace, DATA)
        asked = query(namespace, *conditions, order=order)
        assert walked(driver, asked, size) == found(driver, asked)

    def test_an_ancestor_query_goes_on_after_a_page(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        asked = query(namespace, HasAncestor(Key((ROOT,), namespace)))
        assert walked(driver, asked, 4) == list(range(1, 12))

    def test_a_kindless_query_goes_on_after_a_page(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        assert walked(driver, Query(kind=None, namespace=namespace), 4) == list(range(1, 12))

    def test_a_key_range_goes_on_after_a_page(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        asked = query(namespace, test(KEY, ">", Key((ROOT, ("Thing", 3)), namespace)))
        assert walked(driver, asked, 3) == list(range(4, 12))

    def test_pages_of_one_query_have_cursors_too(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        pages = list(driver.run_query(query(namespace, order="-n __key__"), IDS, ReadOptions(page_size=4)))
        rest = found(driver, query(namespace, order="-n __key__", start_cursor=pages[0].cursor))
        assert [(ident,) for ident in rest] == [row for page in pages[1:] for row in page.rows]

    def test_an_end_cursor_ends_the_query(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        page = next(driver.run_query(query(namespace, order="n __key__", limit=3), IDS))
        assert found(driver, query(namespace, order="n __key__", end_cursor=page.cursor)) == [1, 2, 3]

    def test_an_offset_counts_from_the_start_cursor(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        page = next(driver.run_query(query(namespace, limit=3), IDS))
        assert found(driver, query(namespace, start_cursor=page.cursor, offset=2, limit=2)) == [6, 7]

    def test_a_cursor_outlives_what_it_points_at(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, DATA)
        page = next(driver.run_query(query(namespace, limit=3), IDS))
        driver.commit([delete(member(namespace, 3)), delete(member(namespace, 4))])
        assert found(driver, query(namespace, start_cursor=page.cursor, limit=2)) == [5, 6]
