"""Thousands of operations on a store that fails: what is reported is what happened."""

from __future__ import annotations

import os
from io import StringIO
from random import Random
from typing import Any

import pytest
from bank.models import Account
from django.core.management import call_command
from django.db import connection

from kindstore.core.session import contention

from .conftest import REPORT
from .experiment import Experiment
from .faulty import ALL, Faults
from .operations import KINDS, draw

OPERATIONS = int(
    os.environ.get("KINDSTORE_TEST_OPERATIONS", "10000" if os.environ.get("KINDSTORE_TEST_DRIVER", "memory") == "memory" else "500")
)
SEED = int(os.environ.get("KINDSTORE_TEST_SEED", "3"))


def check(action: str) -> None:
    """Compare the rows with the markers of their unique values."""
    models = (Account._meta.label, Account.owners.through._meta.label)
    call_command("kindstore_constraints", action, *models, stdout=StringIO(), verbosity=0)


def test_what_is_reported_is_what_happened(namespace: str, monkeypatch: pytest.MonkeyPatch, record_property: Any) -> None:
    monkeypatch.setattr(contention, "LONGEST_PAUSE", 0.0)
    random = Random(SEED)
    experiment = Experiment(connection.kindstore.driver, Faults(Random(SEED)))
    try:
        for _ in range(OPERATIONS):
            experiment.run(draw(random, list(KINDS)))
        experiment.settle()
    finally:
        experiment.end()
        record_property(
            REPORT, f"{experiment.faults.operation} operations, {experiment.faults.rpcs} RPCs; {dict(experiment.faults.counts)}"
        )
    check("check")
    assert {fault: experiment.faults.counts[fault] for fault in ALL if experiment.faults.counts[fault] < OPERATIONS / 250} == {}
