"""Store transactions: atomic, isolated, given up without an error; and reads at a past moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.utils import DatabaseError

from ...core.datamodel import HasAncestor, Key
from ...core.datamodel.errors import AlreadyExists, Contention, InvalidRequest, Unsupported
from ...core.driver import Driver, ReadOptions
from .kit import ROOT, Conformance, Told, delete, found, insert, key, load, properties, query, store, test, update, upsert


class TransactionConformance(Conformance):
    def test_a_transaction_commits_its_mutations(self, driver: Driver, namespace: str) -> None:
        transaction = driver.begin()
        driver.commit([insert(key(namespace, 1), {"p": 1}), insert(key(namespace, 2), {"p": 2})], transaction)
        assert properties(driver, key(namespace, 2)) == {"p": 2}

    def test_each_step_is_one_rpc(self, driver: Driver, namespace: str) -> None:
        told = Told()
        transaction = driver.begin(observe=told)
        driver.commit([insert(key(namespace, 1))], transaction, observe=told)
        driver.rollback(driver.begin(observe=told), observe=told)
        assert told.methods == ["BeginTransaction", "Commit", "BeginTransaction", "Rollback"]

    def test_a_read_then_a_write(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        transaction = driver.begin()
        entity = load(driver, key(namespace, 1), ReadOptions(transaction=transaction))
        assert entity is not None
        driver.commit([update(key(namespace, 1), {"p": entity.properties["p"] + 1})], transaction)  # type: ignore[operator]
        assert properties(driver, key(namespace, 1)) == {"p": 2}

    def test_a_failing_commit_applies_nothing(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        transaction = driver.begin()
        with pytest.raises(AlreadyExists):
            driver.commit([upsert(key(namespace, 2)), insert(key(namespace, 1), {"p": 2})], transaction)
        driver.rollback(transaction)
        assert load(driver, key(namespace, 2)) is None

    def test_a_rollback_may_come_twice(self, driver: Driver) -> None:
        transaction = driver.begin()
        driver.rollback(transaction)
        driver.rollback(transaction)

    def test_a_rollback_may_come_after_the_commit(self, driver: Driver, namespace: str) -> None:
        transaction = driver.begin()
        driver.commit([insert(key(namespace, 1), {"p": 1})], transaction)
        driver.rollback(transaction)
        assert properties(driver, key(namespace, 1)) == {"p": 1}

    def test_a_transaction_commits_once(self, driver: Driver, namespace: str) -> None:
        transaction = driver.begin()
        driver.commit([insert(key(namespace, 1))], transaction)
        with pytest.raises(DatabaseError):
            driver.commit([insert(key(namespace, 2))], transaction)
        assert load(driver, key(namespace, 2)) is None

    def test_a_commit_after_the_rollback_is_an_error(self, driver: Driver, namespace: str) -> None:
        transaction = driver.begin()
        driver.rollback(transaction)
        with pytest.raises(DatabaseError):
            driver.commit([insert(key(namespace, 1))], transaction)
        assert load(driver, key(namespace, 1)) is None

    def test_no_update_is_lost(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 0})])
        open_ones = [driver.begin(), driver.begin()]
        for transaction in open_ones:
            load(driver, key(namespace, 1), ReadOptions(transaction=transaction))
        applied = []
        for number, transaction in enumerate(open_ones, 1):
            try:
                driver.commit([update(key(namespace, 1), {"p": number})], transaction)
                applied.append(number)
            except Contention:
                driver.rollback(transaction)
        assert len(applied) == 1
        assert properties(driver, key(namespace, 1)) == {"p": applied[0]}

    def test_a_read_only_transaction_reads_one_moment(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        options = ReadOptions(transaction=driver.begin(read_only=True))
        before = load(driver, key(namespace, 1), options)
        driver.commit([update(key(namespace, 1), {"p": 2})])
        after = load(driver, key(namespace, 1), options)
        driver.rollback(options.transaction)  # type: ignore[arg-type]
        assert before is not None
        assert before == after

    def test_a_read_only_transaction_cannot_write(self, driver: Driver, namespace: str) -> None:
        transaction = driver.begin(read_only=True)
        with pytest.raises(InvalidRequest):
            driver.commit([insert(key(namespace, 1))], transaction)
        driver.rollback(transaction)
        assert load(driver, key(namespace, 1)) is None

    def test_an_ancestor_query_in_a_transaction(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"n": 1}, 2: {"n": 2}})
        transaction = driver.begin()
        ids = found(driver, query(namespace, HasAncestor(Key((ROOT,), namespace))), ReadOptions(transaction=transaction))
        driver.rollback(transaction)
        assert ids == [1, 2]

    def test_another_query_in_a_transaction(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"n": 1}, 2: {"n": 2}})
        options = ReadOptions(transaction=driver.begin())
        if driver.capabilities.queries_in_transactions:
            assert found(driver, query(namespace, test("n", "=", 2)), options) == [2]
        else:
            with pytest.raises(Unsupported):
                found(driver, query(namespace, test("n", "=", 2)), options)
        driver.rollback(options.transaction)  # type: ignore[arg-type]

    def test_a_query_does_not_see_what_its_transaction_will_write(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"n": 1}})
        transaction = driver.begin()
        asked = query(namespace, HasAncestor(Key((ROOT,), namespace)))
        before = found(driver, asked, ReadOptions(transaction=transaction))
        driver.commit([delete(Key((ROOT, ("Thing", 1)), namespace))], transaction)
        assert (before, found(driver, asked)) == ([1], [])

    def test_a_read_at_a_past_moment(self, driver: Driver, namespace: str) -> None:
        driver.commit([insert(key(namespace, 1), {"p": 1})])
        moment = datetime.now(UTC)
        driver.commit([update(key(namespace, 1), {"p": 2})])
        if not driver.capabilities.read_time:
            with pytest.raises(Unsupported):
                load(driver, key(namespace, 1), ReadOptions(read_time=moment))
            return
        entity = load(driver, key(namespace, 1), ReadOptions(read_time=moment))
        assert entity is not None
        assert entity.properties == {"p": 1}

    def test_a_query_at_a_past_moment(self, driver: Driver, namespace: str) -> None:
        store(driver, namespace, {1: {"n": 1}})
        options = ReadOptions(read_time=datetime.now(UTC))
        store(driver, namespace, {2: {"n": 1}})
        if driver.capabilities.read_time:
            assert found(driver, query(namespace, test("n", "=", 1)), options) == [1]
        else:
            with pytest.raises(Unsupported):
                found(driver, query(namespace, test("n", "=", 1)), options)

    def test_a_moment_to_come_is_refused(self, driver: Driver, namespace: str) -> None:
        options = ReadOptions(read_time=datetime.now(UTC) + timedelta(hours=1))
        with pytest.raises((InvalidRequest, Unsupported)):
            load(driver, key(namespace, 1), options)
