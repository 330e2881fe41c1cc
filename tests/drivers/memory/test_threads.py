"""Threads share a store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from kindstore.core.datamodel import Op, Query, Test, Transform
from kindstore.core.datamodel.errors import Contention
from kindstore.core.datamodel.mutation import Mutation, Verb
from kindstore.core.driver import ReadOptions
from kindstore.drivers.memory import MemoryDriver

from .building import WHOLE, delete, ids, key, put, read

THREADS = 8


def test_increments_of_8_threads_add_up(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0)])

    def increment(_: int) -> None:
        driver.commit([Mutation(Verb.UPDATE, key(1), None, mask=(), transforms=(Transform("v", "increment", 1),))])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(increment, range(800)))
    assert read(driver, 1) == {"v": 800}


def test_transfers_of_8_threads_keep_the_sum(driver: MemoryDriver) -> None:
    driver.commit([put(n, v=100) for n in range(1, 5)])

    def transfer(turn: int) -> None:
        source, target = turn % 4 + 1, (turn * 7 + 1) % 4 + 1
        while source != target:
            transaction = driver.begin()
            options = ReadOptions(transaction=transaction)
            have, get = read(driver, source, options), read(driver, target, options)
            assert have is not None
            assert get is not None
            try:
                driver.commit([put(source, v=have["v"] - 1), put(target, v=get["v"] + 1)], transaction)
                return
            except Contention:
                continue

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(transfer, range(200)))
    rows = [row[0] for page in driver.run_query(Query("K"), WHOLE) for row in page.rows]
    assert sum(row.properties["v"] for row in rows) == 400


def test_readers_never_see_half_a_commit(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0), put(2, v=0)])

    def write(turn: int) -> bool:
        driver.commit([put(1, v=turn), put(2, v=turn)])
        return True

    def look(_: int) -> bool:
        one, two = driver.lookup([key(1), key(2)], WHOLE)
        assert one is not None
        assert two is not None
        return bool(one[0].properties == two[0].properties)

    with ThreadPoolExecutor(THREADS) as pool:
        results = [pool.submit(write if n % 2 else look, n) for n in range(1000)]
        assert all(result.result() for result in results)


def test_a_query_that_pages_while_others_write_is_of_one_snapshot_in_a_transaction(driver: MemoryDriver) -> None:
    driver.commit([put(n, v=n) for n in range(1, 301)])
    transaction = driver.begin(read_only=True)

    def disturb(n: int) -> None:
        driver.commit([put(n, v=-n), delete(n + 1), put(1000 + n, v=n)])

    with ThreadPoolExecutor(THREADS) as pool:
        writers = [pool.submit(disturb, n) for n in range(1, 300, 2)]
        options = ReadOptions(transaction=transaction, page_size=7)
        found = ids(driver, options, filter=Test("v", Op.GT, 0))
        assert [writer.result() for writer in writers] == [None] * 150
    assert found == list(range(1, 301))


def test_indexes_hold_after_writes_of_8_threads(driver: MemoryDriver) -> None:
    def work(n: int) -> None:
        driver.commit([put(n % 50 + 1, v=n % 7, w=n % 3)])
        ids(driver, filter=Test("v", Op.EQ, n % 7), limit=3)
        if n % 5 == 0:
            driver.commit([delete(n % 50 + 1)])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(2000)))
    rows = [row[0] for page in driver.run_query(Query("K"), WHOLE) for row in page.rows]
    for value in range(7):
        expected = [row.key.id_or_name for row in rows if row.properties["v"] == value]
        assert ids(driver, filter=Test("v", Op.EQ, value)) == expected
