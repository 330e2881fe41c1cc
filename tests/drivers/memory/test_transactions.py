"""Snapshots, transactions and their conflicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.utils import OperationalError

from kindstore.core.datamodel import Aggregation, Key, Op, Query, Test, Verb
from kindstore.core.datamodel.errors import Contention, InvalidRequest
from kindstore.core.driver import ReadOptions
from kindstore.drivers.memory import MemoryDriver
from kindstore.drivers.memory.transactions import IDLE_SECONDS, LIFE_SECONDS

from .building import delete, ids, put, read


def inside(transaction: bytes) -> ReadOptions:
    return ReadOptions(transaction=transaction)


def moment_of(version: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=version)


def test_a_transaction_reads_its_snapshot(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=1), put(2, v=1)])
    transaction = driver.begin()
    driver.commit([put(1, v=2), delete(2), put(3, v=1)])
    assert [read(driver, n, inside(transaction)) for n in (1, 2, 3)] == [{"v": 1}, {"v": 1}, None]
    assert ids(driver, inside(transaction), filter=Test("v", Op.EQ, 1)) == [1, 2]
    assert driver.aggregate(Query("K"), [Aggregation("count")], inside(transaction)) == (2,)


def test_a_read_time_sees_the_state_of_that_moment(driver: MemoryDriver) -> None:
    (first,) = driver.commit([put(1, v=1)])
    (second,) = driver.commit([put(1, v=2)])
    (third,) = driver.commit([delete(1)])
    seen = [read(driver, 1, ReadOptions(read_time=moment_of(v))) for v in (first.version - 1, first.version, second.version, third.version)]
    assert seen == [None, {"v": 1}, {"v": 2}, None]


def test_a_read_only_transaction_may_read_the_past(driver: MemoryDriver) -> None:
    (first,) = driver.commit([put(1, v=1)])
    driver.commit([put(1, v=2)])
    transaction = driver.begin(read_only=True, read_time=moment_of(first.version))
    assert read(driver, 1, inside(transaction)) == {"v": 1}


def test_the_present_as_read_time_does_not_change_later(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0)])
    for n in range(1, 200):
        now = datetime.now(UTC)
        assert read(driver, 1, ReadOptions(read_time=now)) == {"v": n - 1}
        driver.commit([put(1, v=n)])
        assert read(driver, 1, ReadOptions(read_time=now)) == {"v": n - 1}


def test_the_future_cannot_be_read(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="future"):
        read(driver, 1, ReadOptions(read_time=datetime.now(UTC) + timedelta(minutes=1)))


def test_a_naive_read_time_is_refused(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="time zone"):
        read(driver, 1, ReadOptions(read_time=datetime(2024, 1, 1)))  # noqa: DTZ001


def test_the_distant_past_is_forgotten(driver: MemoryDriver) -> None:
    with pytest.raises(OperationalError, match="60 minutes"):
        read(driver, 1, ReadOptions(read_time=datetime.now(UTC) - timedelta(minutes=61)))


def test_history_is_bounded(driver: MemoryDriver) -> None:
    driver.store.max_history = 10
    (first,) = driver.commit([put(1, v=0)])
    for n in range(1, 20):
        driver.commit([put(1, v=n)])
    with pytest.raises(OperationalError, match="history"):
        read(driver, 1, ReadOptions(read_time=moment_of(first.version)))


def test_an_open_transaction_keeps_the_history_that_it_reads(driver: MemoryDriver) -> None:
    driver.store.max_history = 10
    driver.commit([put(1, v=0)])
    transaction = driver.begin(read_only=True)
    for n in range(1, 20):
        driver.commit([put(1, v=n)])
    assert read(driver, 1, inside(transaction)) == {"v": 0}


def test_the_first_committer_wins(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0)])
    first, second = driver.begin(), driver.begin()
    read(driver, 1, inside(first))
    read(driver, 1, inside(second))
    driver.commit([put(1, v=1)], first)
    with pytest.raises(Contention):
        driver.commit([put(1, v=2)], second)
    assert read(driver, 1) == {"v": 1}


@pytest.mark.parametrize("change", [put(1, v=1), delete(1)])
def test_a_read_row_that_changed_is_a_conflict_though_another_is_written(driver: MemoryDriver, change: object) -> None:
    driver.commit([put(1, v=0)])
    transaction = driver.begin()
    read(driver, 1, inside(transaction))
    driver.commit([change])  # type: ignore[list-item]
    with pytest.raises(Contention):
        driver.commit([put(2, v=1)], transaction)


def test_a_row_that_was_read_as_missing_and_appeared_is_a_conflict(driver: MemoryDriver) -> None:
    transaction = driver.begin()
    read(driver, 1, inside(transaction))
    driver.commit([put(1, v=1)])
    with pytest.raises(Contention):
        driver.commit([put(2, v=1)], transaction)


def test_a_row_that_was_not_read_is_none(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0), put(2, v=0)])
    transaction = driver.begin()
    read(driver, 1, inside(transaction))
    driver.commit([put(2, v=1)])
    driver.commit([put(2, v=2)], transaction)
    assert read(driver, 2) == {"v": 2}


@pytest.mark.parametrize("query", [Query("K", filter=Test("v", Op.EQ, 1)), Query(None), Query("K", limit=1)])
def test_a_queried_kind_that_changed_is_a_conflict(driver: MemoryDriver, query: Query) -> None:
    driver.commit([put(1, v=0)])
    transaction = driver.begin()
    driver.aggregate(query, [Aggregation("count")], inside(transaction))
    driver.commit([put(5, v=7)])
    with pytest.raises(Contention):
        driver.commit([put(1, v=1)], transaction)


def test_another_kind_that_changed_is_none(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0)])
    transaction = driver.begin()
    ids(driver, inside(transaction))
    driver.commit([put(Key((("Other", 1),)), v=7)])
    driver.commit([put(1, v=1)], transaction)
    assert read(driver, 1) == {"v": 1}


def test_a_reset_conflicts_with_what_was_read(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0)])
    transaction = driver.begin()
    read(driver, 1, inside(transaction))
    driver.reset("")
    with pytest.raises(Contention):
        driver.commit([put(1, v=1)], transaction)


def test_a_read_only_transaction_cannot_commit(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest, match="read-only"):
        driver.commit([put(1, v=1)], driver.begin(read_only=True))


def test_a_transaction_commits_once(driver: MemoryDriver) -> None:
    transaction = driver.begin()
    driver.commit([put(1, v=1)], transaction)
    with pytest.raises(InvalidRequest, match="ended"):
        driver.commit([put(1, v=2)], transaction)


def test_rollback_ends_a_transaction_and_may_be_repeated(driver: MemoryDriver) -> None:
    transaction = driver.begin()
    driver.rollback(transaction)
    driver.rollback(transaction)
    with pytest.raises(InvalidRequest, match="ended"):
        read(driver, 1, inside(transaction))


def test_an_unknown_transaction_is_refused(driver: MemoryDriver) -> None:
    with pytest.raises(InvalidRequest):
        driver.commit([put(1, v=1)], b"nonsense")


def test_a_transaction_that_failed_wrote_nothing(driver: MemoryDriver) -> None:
    driver.commit([put(1, v=0)])
    transaction = driver.begin()
    with pytest.raises(Exception, match="exists"):
        driver.commit([put(2, v=1), put(1, verb=Verb.INSERT, v=1)], transaction)
    assert read(driver, 2) is None


@pytest.mark.parametrize(
    ("steps", "ended"), [([IDLE_SECONDS + 1], True), ([IDLE_SECONDS - 1], False), ([50.0] * 5, False), ([50.0] * 6, True)]
)
def test_transactions_expire(driver: MemoryDriver, steps: list[float], ended: bool) -> None:
    now = [0.0]
    driver.store.transactions.clock = lambda: now[0]
    transaction = driver.begin()
    for step in steps[:-1]:
        now[0] += step
        read(driver, 1, inside(transaction))
    now[0] += steps[-1]
    if ended:
        with pytest.raises(InvalidRequest, match="expired"):
            read(driver, 1, inside(transaction))
    else:
        assert read(driver, 1, inside(transaction)) is None


def test_abandoned_transactions_are_dropped(driver: MemoryDriver) -> None:
    now = [0.0]
    transactions = driver.store.transactions
    transactions.clock = lambda: now[0]
    for _ in range(100):
        driver.begin()
        now[0] += LIFE_SECONDS + 1
    assert len(transactions._open) == 1
