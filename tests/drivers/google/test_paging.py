from __future__ import annotations

import pytest
from django.db.utils import OperationalError

from kindstore.core.datamodel import ENTITY, ID, KEY, Column, Op, Order, Query, Shape, Test, Type
from kindstore.core.driver import ReadOptions
from kindstore.drivers.datastore import messages
from kindstore.drivers.datastore.paging import FIRST_ROWS, MAX_ROWS, MIN_ROWS, RESPONSE_BYTES, ResponseSizes, may_repeat

IDS = Shape((Column(ID),))
NOT_FINISHED, AFTER_LIMIT, NO_MORE = messages.NOT_FINISHED, 2, messages.NO_MORE_RESULTS


def batch(idents, more, *, skipped=0, cursor=None):
    response = messages.RunQueryResponse()
    for ident in idents:
        key = response.batch.entity_results.add().entity.key
        key.partition_id.project_id = "project"
        key.path.add(kind="Thing", id=ident)
    response.batch.more_results = more
    response.batch.skipped_results = skipped
    response.batch.end_cursor = f"after {idents[-1] if idents else skipped}".encode() if cursor is None else cursor
    return response


def asked(scripted):
    queries = [request.query for _, request in scripted.requests]
    return [(query.limit.value, query.offset, query.start_cursor) for query in queries]


def found(driver, query, **options):
    return [row[0] for page in driver.run_query(query, IDS, ReadOptions(**options)) for row in page.rows]


def test_it_goes_on_while_not_finished(legacy, scripted):
    scripted.script("RunQuery", batch([1, 2], NOT_FINISHED), batch([3, 4], NOT_FINISHED), batch([5], AFTER_LIMIT))
    assert found(legacy, Query("Thing")) == [1, 2, 3, 4, 5]
    assert [cursor for _, _, cursor in asked(scripted)] == [b"", b"after 2", b"after 4"]


def test_what_was_skipped_and_received_is_subtracted(legacy, scripted):
    scripted.script(
        "RunQuery", batch([], NOT_FINISHED, skipped=300), batch([401], NOT_FINISHED, skipped=100), batch([402, 403], AFTER_LIMIT)
    )
    assert found(legacy, Query("Thing", offset=400, limit=3)) == [401, 402, 403]
    assert asked(scripted) == [(3, 400, b""), (3, 100, b"after 300"), (2, 0, b"after 401")]


def test_it_ends_at_the_limit_without_another_rpc(driver, scripted):
    scripted.script("RunQuery", batch([1, 2], AFTER_LIMIT))
    assert found(driver, Query("Thing", limit=2)) == [1, 2]
    assert len(scripted.requests) == 1


def test_a_batch_that_is_not_full_is_the_last(driver, scripted):
    scripted.script("RunQuery", batch([1, 2], AFTER_LIMIT))
    assert found(driver, Query("Thing"), page_size=3) == [1, 2]


def test_a_full_page_goes_on_until_there_is_no_more(driver, scripted):
    scripted.script("RunQuery", batch([1, 2], AFTER_LIMIT), batch([3, 4], NO_MORE))
    assert found(driver, Query("Thing"), page_size=2) == [1, 2, 3, 4]
    assert asked(scripted) == [(2, 0, b""), (2, 0, b"after 2")]


@pytest.mark.parametrize("cursor", [b"", b"here"])
def test_a_store_that_does_not_move_on_is_an_error(driver, scripted, cursor):
    scripted.script("RunQuery", batch([1], NOT_FINISHED, cursor=cursor))
    with pytest.raises(OperationalError, match="there are more results"):
        found(driver, Query("Thing", start_cursor=b"here"))


def test_a_keys_only_shape_makes_a_keys_only_query(driver, scripted):
    scripted.script("RunQuery", batch([1], NO_MORE))
    found(driver, Query("Thing"))
    assert [entry.property.name for entry in scripted.requests[0][1].query.projection] == [KEY]


def test_repetitions_do_not_count_towards_the_limit(driver, scripted):
    scripted.script("RunQuery", batch([1, 1, 1], AFTER_LIMIT), batch([1, 2], AFTER_LIMIT), batch([3], AFTER_LIMIT))
    assert found(driver, Query("Thing", orders=(Order("t"),), limit=3)) == [1, 2, 3]
    assert [limit for limit, _, _ in asked(scripted)] == [3, 2, 1]


@pytest.mark.parametrize(
    ("query", "shape", "answer"),
    [
        (Query("Thing"), IDS, False),
        (Query("Thing", filter=Test("t", Op.EQ, 1)), IDS, False),
        (Query("Thing", filter=Test(KEY, Op.GT, 1)), IDS, False),
        (Query("Thing", filter=Test("t", Op.GT, 1)), IDS, True),
        (Query("Thing", filter=Test("t", Op.NE, 1)), IDS, True),
        (Query("Thing", orders=(Order("t"),)), IDS, True),
        (Query("Thing", orders=(Order("t"),)), Shape((Column(ENTITY),)), True),
        (Query("Thing", orders=(Order("t"),)), Shape((Column("t", Type.ARRAY),)), True),
        (Query("Thing", orders=(Order("t"),)), Shape((Column("t", Type.ANY),)), True),
        (Query("Thing", orders=(Order("t"),)), Shape((Column("t", Type.INT),)), False),
        (Query("Thing", orders=(Order("t"), Order("u"))), Shape((Column("t", Type.INT),)), True),
        (Query("Thing", orders=(Order("t"),), projection=("t",)), IDS, False),
    ],
)
def test_only_what_may_be_an_array_is_searched_for_repetitions(query, shape, answer):
    assert may_repeat(query, shape) is answer


def test_the_number_of_rows_follows_their_size():
    sizes = ResponseSizes()
    first = sizes.rows("kind")
    sizes.learn("kind", 10_000 * 4096, 10_000)
    assert (first, sizes.rows("kind"), sizes.rows("other")) == (FIRST_ROWS, RESPONSE_BYTES // 4096, FIRST_ROWS)


@pytest.mark.parametrize(("mean", "rows"), [(1, MAX_ROWS), (2**20, MIN_ROWS)])
def test_the_number_of_rows_has_bounds(mean, rows):
    sizes = ResponseSizes()
    sizes.learn("kind", 1000 * mean, 1000)
    assert sizes.rows("kind") == rows


def test_a_few_rows_teach_nothing():
    sizes = ResponseSizes()
    sizes.learn("kind", 3 * 2**20, 3)
    assert sizes.rows("kind") == FIRST_ROWS


def test_kinds_that_are_forgotten_are_bounded():
    sizes = ResponseSizes()
    for number in range(10_000):
        sizes.learn(number, 2**30, 100)
    assert len(sizes._means) <= 4096
