"""Aggregation: counts, sums and averages inside the store, or a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from ...core.datamodel import Aggregation, Query, Value
from ...core.datamodel.errors import Unsupported
from ...core.driver import Driver
from .kit import REFUSED, Conformance, Told, query, store, test

NUMBERS: dict[int | str, dict[str, Value]] = {
    1: {"n": 1, "f": 0.5},
    2: {"n": 2, "f": 1.5},
    3: {"n": None, "f": 4.0},
    4: {"n": 6, "f": -1.0},
}
COUNT = Aggregation("count")


def aggregated(driver: Driver, asked: Query, *wanted: Aggregation) -> tuple[Value, ...] | None:
    """Return the aggregates; None where the store is not capable of them and refuses."""
    if {aggregation.function for aggregation in wanted} <= driver.capabilities.aggregations:
        return driver.aggregate(asked, wanted)
    with pytest.raises(Unsupported):
        driver.aggregate(asked, wanted)
    return None


class AggregationConformance(Conformance):
    @pytest.mark.parametrize(
        ("rest", "count"), [({}, 4), ({"limit": 3}, 3), ({"offset": 1}, 3), ({"limit": 2, "offset": 3}, 1), ({"kind": "None"}, 0)]
    )
    def test_count_counts_what_the_query_finds(self, driver: Driver, namespace: str, rest: dict[str, Any], count: int) -> None:
        store(driver, namespace, NUMBERS)
        assert aggregated(driver, query(namespace, **rest), COUNT) in (None, (count,))

    def test_count_honours_the_filter(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, NUMBERS)
        assert aggregated(driver, query(namespace, test("n", ">", 1)), COUNT) in (None, (2,))

    def test_count_may_be_bounded(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, NUMBERS)
        assert aggregated(driver, query(namespace), Aggregation("count", up_to=2)) in (None, (2,))

    @pytest.mark.parametrize(
        ("wanted", "value"),
        [
            (Aggregation("sum", "n"), 9),
            (Aggregation("avg", "n"), 3.0),
            (Aggregation("sum", "f"), 5.0),
            (Aggregation("avg", "f"), 1.25),
            (Aggregation("sum", "absent"), 0),
            (Aggregation("avg", "absent"), None),
        ],
    )
    def test_numbers_are_added_and_averaged(self, driver: Driver, namespace: str, wanted: Aggregation, value: Value) -> None:
        store(driver, namespace, NUMBERS)
        assert aggregated(driver, query(namespace), wanted) in (None, (value,))

    def test_a_sum_of_integers_stays_one(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, NUMBERS)
        result = aggregated(driver, query(namespace), Aggregation("sum", "n"))
        assert result is None or type(result[0]) is int

    def test_several_aggregates_come_in_order_from_one_rpc(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, NUMBERS)
        wanted = (Aggregation("avg", "f"), COUNT, Aggregation("sum", "f"))
        told = Told()
        if {"count", "sum", "avg"} <= driver.capabilities.aggregations:
            assert driver.aggregate(query(namespace), wanted, observe=told) == (1.25, 4, 5.0)
            assert told.methods == ["RunAggregationQuery"]
        else:
            with pytest.raises(Unsupported):
                driver.aggregate(query(namespace), wanted, observe=told)

    def test_too_many_aggregates_are_refused(self, driver: Driver, namespace: str) -> None:
        with pytest.raises(REFUSED):
            driver.aggregate(query(namespace), [Aggregation("sum", f"p{i}") for i in range(6)])
