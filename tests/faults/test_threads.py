"""Threads that get in each other's way on a store that fails: whatever each of them is told, the laws hold in the end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import StringIO
from random import Random
from typing import Any

import pytest
from bank.models import Account, Customer
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, connections

from .conftest import REPORT
from .experiment import observed
from .faulty import Faults, FaultyDriver
from .operations import CUSTOMERS, NAMES, draw
from .state import duplicates
from .test_operations import OPERATIONS, SEED

THREADS = 8
# Those that keep the sum of the balances. save() writes back what it read, wherever that has changed since.
KINDS = (
    "rename", "update_name", "swap_names", "swap_boxes", "transfer", "get_or_create", "update_or_create", "bulk_create_ignoring",
    "bulk_create_updating", "relate", "unrelate",
)  # fmt: skip


@pytest.fixture
def faulty(namespace: str) -> Iterator[FaultyDriver]:
    """Let the connections of all threads fail, after some rows were written; no process dies."""
    Customer.objects.bulk_create([Customer(pk=pk, name=str(pk)) for pk in CUSTOMERS])
    for name in NAMES[:5]:
        Account.objects.create(name=name, balance=100)
    driver = connection.kindstore.driver
    connection.close()
    connection.kindstore.driver = FaultyDriver(driver, Faults(Random(SEED), kills=False), lambda _late, apply: apply())
    yield connection.kindstore.driver
    connection.close()
    connection.kindstore.driver = driver


def work(seed: int) -> None:
    """Do operations; being told of a conflict or of a failure is all in order."""
    random = Random(seed)
    for _ in range(max(OPERATIONS // 50, 20)):
        with suppress(IntegrityError, OperationalError):
            draw(random, KINDS).perform()
    connections.close_all()


def test_no_value_is_taken_twice_and_no_money_is_lost(namespace: str, faulty: FaultyDriver, record_property: Any) -> None:
    faulty.faults.active = True
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    faulty.faults.active = False
    faulty.land_all()
    record_property(REPORT, f"{THREADS} threads, {faulty.faults.rpcs} RPCs; {dict(faulty.faults.counts)}")
    left = observed(faulty.driver, namespace)
    assert not duplicates(left)
    assert sum(row.balance for row in left.values()) == 500
    call_command("kindstore_constraints", "check", "bank.Account", "bank.Account_owners", stdout=StringIO())
