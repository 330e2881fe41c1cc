"""Queries: filters, orders, pages, keys-only, projection; what a store is not capable of, it must refuse."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ...core.datamodel import ID, KEY, Column, Entity, HasAncestor, Key, Or, Query, Shape, Type, Value
from ...core.driver import Driver, ReadOptions
from .kit import IDS, REFUSED, ROOT, Conformance, Told, fits, found, insert, key, member, query, rows, store, test

# By id: n with a null, s, and a property that only some entities have.
PEOPLE: dict[int | str, dict[str, Value]] = {
    1: {"n": 5, "s": "b", "rare": 1},
    2: {"n": 3, "s": "a", "rare": 2},
    3: {"n": None, "s": "c"},
    4: {"n": 5, "s": "a"},
    5: {"n": 9, "s": "b", "rare": 1},
}
SIMPLE = [
    ("=", 5, [1, 4]),
    ("=", None, [3]),
    ("=", 77, []),
    ("<", 5, [3, 2]),
    ("<=", 5, [3, 2, 1, 4]),
    (">", 3, [1, 4, 5]),
    (">=", 5, [1, 4, 5]),
    (">", None, [2, 1, 4, 5]),
    ("IN", (5,), [1, 4]),
]
ORDERS = [
    ("n", [3, 2, 1, 4, 5]),
    ("-n __key__", [5, 1, 4, 2, 3]),
    ("s n", [2, 4, 1, 5, 3]),
    ("s -n", [4, 2, 5, 1, 3]),
    ("-s -n", [3, 5, 1, 4, 2]),
    ("rare __key__", [1, 5, 2]),
    ("-rare __key__", [2, 1, 5]),
    ("__key__", [1, 2, 3, 4, 5]),
    ("-__key__", [5, 4, 3, 2, 1]),
    ("", [1, 2, 3, 4, 5]),
]
ARRAYS: dict[int | str, dict[str, Value]] = {1: {"t": (1, 5, 9)}, 2: {"t": (2, 3)}, 3: {"t": ()}, 4: {"t": 5}}


class QueryConformance(Conformance):
    @pytest.mark.parametrize(("op", "value", "ids"), SIMPLE)
    def test_a_filter_compares(self, driver: Driver, namespace: str, op: str, value: Value, ids: list[int]) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test("n", op, value))) == ids

    def test_filters_are_joined_by_and(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test("n", "=", 5), test("s", "=", "a"))) == [4]

    def test_equality_and_inequality_go_together(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test("s", "=", "b"), test("n", ">", 5))) == [5]

    def test_a_range_has_two_ends(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test("n", ">", 3), test("n", "<", 9))) == [1, 4]

    def test_an_entity_without_the_property_never_matches(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test("rare", "<=", 1))) == [1, 5]

    def test_an_unindexed_property_never_matches(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"n": 5}}, unindexed=["n"])
        assert found(driver, query(namespace, test("n", "=", 5))) == []
        assert found(driver, query(namespace, order="n")) == []

    def test_other_kinds_are_not_found(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1, "A"), {"n": 1}), insert(key(namespace, 2, "B"), {"n": 1})])
        assert found(driver, query(namespace, test("n", "=", 1), kind="A")) == [1]

    @pytest.mark.parametrize(("order", "ids"), ORDERS)
    def test_an_order_sorts(self, driver: Driver, namespace: str, order: str, ids: list[int]) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, order=order)) == ids

    def test_limit_and_offset_cut_a_window(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, order="n __key__", limit=2, offset=1)) == [2, 1]

    def test_an_offset_beyond_the_end_finds_nothing(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, offset=9)) == []

    def test_a_limit_of_zero_finds_nothing(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, limit=0)) == []

    @pytest.mark.parametrize("rest", [{"limit": -1}, {"offset": -1}])
    def test_a_negative_window_is_refused(self, driver: Driver, namespace: str, rest: dict[str, Any]) -> None:
        with pytest.raises(REFUSED):
            found(driver, query(namespace, **rest))

    def test_a_key_range_is_a_filter(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        low, high = test(KEY, ">", member(namespace, 2)), test(KEY, "<=", member(namespace, 4))
        assert found(driver, query(namespace, low, high)) == [3, 4]

    def test_a_key_equality_is_a_filter(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test(KEY, "=", member(namespace, 4)))) == [4]

    def test_a_key_range_and_an_equality_go_together(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert found(driver, query(namespace, test("s", "=", "b"), test(KEY, ">", member(namespace, 1)))) == [5]

    def test_an_ancestor_has_itself_and_what_is_below(self, driver: Driver, namespace: str) -> None:
        top = key(namespace, 1)
        driver.commit(
            [insert(top), insert(top.child("Thing", 2)), insert(top.child("Other", 3).child("Thing", 4)), insert(key(namespace, 5))]
        )
        assert found(driver, query(namespace, HasAncestor(top))) == [1, 4, 2]

    def test_an_ancestor_and_a_filter_go_together(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        driver.commit([insert(key(namespace, 9), {"n": 5})])
        assert found(driver, query(namespace, HasAncestor(Key((ROOT,), namespace)), test("n", "=", 5))) == [1, 4]

    def test_a_kindless_query_finds_all_kinds_by_key(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1, "B")), insert(key(namespace, 2, "A")), insert(key(namespace, 3, "C"))])
        assert found(driver, Query(kind=None, namespace=namespace)) == [2, 1, 3]
        assert found(driver, Query(kind=None, namespace=namespace, filter=test(KEY, ">", key(namespace, 2, "A")))) == [1, 3]

    def test_a_kindless_query_cannot_test_a_property(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(REFUSED):
            found(driver, Query(kind=None, namespace=namespace, filter=test("n", "=", 1)))

    def test_an_empty_in_is_refused(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(REFUSED):
            found(driver, query(namespace, test("n", "IN", ())))

    def test_in_takes_several_values(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        ids = fits(driver, query(namespace, test("n", "IN", (9, 3, 77, None)), order="n"), capable=driver.capabilities.disjunctions >= 4)
        assert ids in (None, [3, 2, 5])

    def test_in_and_equality_go_together(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        asked = query(namespace, test("n", "IN", (5, 9)), test("s", "=", "b"), order="__key__")
        assert fits(driver, asked, capable=driver.capabilities.disjunctions >= 2) in (None, [1, 5])

    def test_or_joins_branches_without_repeating(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        asked = query(namespace, Or((test("n", "=", 5), test("s", "=", "a"), test("s", "=", "b"))), order="__key__")
        assert fits(driver, asked, capable=driver.capabilities.disjunctions >= 3) in (None, [1, 2, 4, 5])

    def test_or_of_inequalities_is_sorted(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        asked = query(namespace, Or((test("n", "<", 4), test("n", ">", 8))), order="n __key__")
        assert fits(driver, asked, capable=driver.capabilities.disjunctions >= 2) in (None, [3, 2, 5])

    def test_too_many_branches_are_refused(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(REFUSED):
            found(driver, query(namespace, test("n", "IN", tuple(range(driver.capabilities.disjunctions + 1)))))

    def test_branches_are_multiplied_out(self, driver: Driver, namespace: str) -> None:
        half = tuple(range(driver.capabilities.disjunctions // 2 + 1))
        with pytest.raises(REFUSED):
            found(driver, query(namespace, test("n", "IN", (*half, -1)), test("rare", "IN", (*half, -1))))

    def test_not_equal_keeps_null_and_drops_the_missing(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        assert fits(driver, query(namespace, test("n", "!=", 5)), capable=driver.capabilities.not_equal) in (None, [3, 2, 5])
        assert fits(driver, query(namespace, test("rare", "!=", 1)), capable=driver.capabilities.not_equal) in (None, [2])

    def test_not_in_drops_each_value(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        asked = query(namespace, test("n", "NOT IN", (5, None)))
        assert fits(driver, asked, capable=driver.capabilities.not_in_values >= 2) in (None, [2, 5])

    def test_too_many_values_of_not_in_are_refused(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(REFUSED):
            found(driver, query(namespace, test("n", "NOT IN", tuple(range(driver.capabilities.not_in_values + 1)))))

    def test_two_exclusions_are_refused(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(REFUSED):
            found(driver, query(namespace, test("n", "!=", 1), test("s", "!=", "a")))

    def test_inequalities_on_two_properties(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        asked = query(namespace, test("n", ">", 3), test("s", "<", "c"), order="n s")
        assert fits(driver, asked, capable=driver.capabilities.inequality_properties != 1) in (None, [4, 1, 5])

    def test_inequalities_on_too_many_properties_are_refused(self, driver: Driver, namespace: str) -> None:
        count = (driver.capabilities.inequality_properties or 10) + 1
        asked = query(namespace, *(test(f"p{i}", ">", 1) for i in range(count)))
        assert fits(driver, asked, capable=driver.capabilities.inequality_properties is None) in (None, [])

    def test_an_inequality_and_another_first_order(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        asked = query(namespace, test("n", ">", 3), order="s n")
        assert fits(driver, asked, capable=not driver.capabilities.inequality_orders_first) in (None, [4, 1, 5])

    def test_too_many_filters_and_orders_are_refused(self, driver: Driver, namespace: str) -> None:
        count = (driver.capabilities.filters_and_orders or 100) + 1
        asked = query(namespace, *(test("n", ">", i) for i in range(count)))
        assert fits(driver, asked, capable=driver.capabilities.filters_and_orders is None) in (None, [])

    @pytest.mark.parametrize("excess", [0, 1])
    @pytest.mark.parametrize("op", ["IN", "NOT IN"])
    def test_each_value_of_a_list_counts_as_a_filter(self, driver: Driver, namespace: str, op: str, excess: int) -> None:
        able = driver.capabilities
        most = able.filters_and_orders or 100
        asked = query(namespace, test("n", op, (1, 2, 3)), *(test("n", ">", i) for i in range(most - 3 + excess)))
        lists = (able.disjunctions if op == "IN" else able.not_in_values) >= 3
        assert fits(driver, asked, capable=lists and (not excess or able.filters_and_orders is None)) in (None, [])

    @pytest.mark.parametrize(("value", "ids"), [(5, [1, 4]), (3, [2]), (4, [])])
    def test_an_equality_matches_any_element(self, driver: Driver, namespace: str, value: int, ids: list[int]) -> None:
        store(driver, namespace, ARRAYS)
        assert found(driver, query(namespace, test("t", "=", value))) == ids

    def test_equalities_may_match_different_elements(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, ARRAYS)
        assert found(driver, query(namespace, test("t", "=", 1), test("t", "=", 9))) == [1]

    def test_a_range_matches_one_element(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, ARRAYS)
        assert found(driver, query(namespace, test("t", ">", 3), test("t", "<", 5))) == []

    def test_an_inequality_on_an_array_does_not_repeat(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, ARRAYS)
        assert sorted(found(driver, query(namespace, test("t", ">", 1)))) == [1, 2, 4]

    def test_an_order_on_an_array_does_not_repeat(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"t": (1, 5, 9)}, 2: {"t": (2, 3)}, 4: {"t": 5}})
        assert found(driver, query(namespace, order="t")) == [1, 2, 4]
        assert found(driver, query(namespace, order="-t")) == [1, 4, 2]

    def test_a_limit_counts_entities_not_elements(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"t": (1, 2, 3, 4)}, 2: {"t": (5, 6)}, 3: {"t": 7}})
        assert found(driver, query(namespace, order="t", limit=2)) == [1, 2]

    def test_a_dotted_name_reaches_into_an_embedded_entity(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"e": Entity(None, {"x": 1})}, 2: {"e": Entity(None, {"x": 2})}})
        assert found(driver, query(namespace, test("e.x", "=", 2))) == [2]

    def test_a_projection_gives_a_row_for_each_element(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"t": (1, 2), "n": 7}, 2: {"n": 8}})
        shape = Shape((Column(ID), Column("t", Type.INT)))
        assert rows(driver, query(namespace, projection=("t",), order="t"), shape) == [(1, 1), (1, 2)]

    def test_a_projection_drops_entities_without_the_property(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        shape = Shape((Column("rare", Type.INT),))
        assert rows(driver, query(namespace, projection=("rare",), order="rare"), shape) == [(1,), (1,), (2,)]

    def test_distinct_keeps_the_first_of_each_group(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        shape = Shape((Column("s", Type.STR),))
        asked = query(namespace, projection=("s",), distinct_on=("s",), order="s")
        assert rows(driver, asked, shape) == [("a",), ("b",), ("c",)]

    def test_a_query_of_some_properties_has_defaults_for_the_missing(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        shape = Shape((Column("rare", Type.INT, default=lambda: 0), Column(ID)))
        assert rows(driver, query(namespace), shape) == [(1, 1), (2, 2), (0, 3), (0, 4), (1, 5)]

    def test_all_rows_come_whatever_their_number(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {ident: {"n": ident % 7} for ident in range(1, 751)})
        assert found(driver, query(namespace)) == list(range(1, 751))
        assert found(driver, query(namespace, test("n", "=", 3), offset=5, limit=90)) == [7 * i + 3 for i in range(5, 95)]

    def test_a_large_offset_is_counted_right(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {ident: {} for ident in range(1, 751)})
        assert found(driver, query(namespace, offset=700, limit=20)) == list(range(701, 721))

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 50])
    def test_pages_have_the_size_that_was_asked_for(self, driver: Driver, namespace: str, size: int) -> None:
        store(driver, namespace, PEOPLE)
        pages = [page.rows for page in driver.run_query(query(namespace, order="n __key__"), IDS, ReadOptions(page_size=size)) if page.rows]
        assert [row for page in pages for row in page] == [(3,), (2,), (1,), (4,), (5,)]
        assert all(len(page) == size for page, _ in pairwise(pages))

    def test_pages_stop_at_the_limit(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        told = Told()
        pages = list(driver.run_query(query(namespace, limit=4), IDS, ReadOptions(page_size=2), observe=told))
        assert [page.rows for page in pages] == [[(1,), (2,)], [(3,), (4,)]]
        assert told.methods == ["RunQuery", "RunQuery"]

    def test_a_page_is_read_when_it_is_asked_for(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        told = Told()
        pages = driver.run_query(query(namespace), IDS, ReadOptions(page_size=2), observe=told)
        assert told == []
        next(pages)
        assert told.methods == ["RunQuery"]
        next(pages)
        assert told.methods == ["RunQuery", "RunQuery"]

    def test_a_small_result_is_one_rpc(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, PEOPLE)
        told = Told()
        pages = list(driver.run_query(query(namespace), IDS, observe=told))
        assert [len(page.rows) for page in pages] == [5]
        assert [(rpc.method, rpc.rows) for rpc in told] == [("RunQuery", 5)]
