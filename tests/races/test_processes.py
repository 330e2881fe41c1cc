"""Several processes at once, which share nothing but the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bank.models import Account
from django.db import connections

from kindstore.testing import connection_with

from .racing import ROUNDS, SLOW_ROUNDS, may_be_busy

PROCESSES = 4
TESTS = Path(__file__).parents[1]
DRIVERS = {"datastore": "datastore", "firestore": "firestore_datastore_mode"}
KEYS = ("ENGINE", "PROJECT", "NAMESPACE", "PLUGINS", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Competitors:
    """Processes that wait for work, and the alias of this process that they share the store with."""

    processes: list[Any]
    alias: str

    @property
    def accounts(self) -> Any:
        return Account.objects.using(self.alias)

    def run(self, work: str, arguments: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Have each process do the work, with arguments of its own, at once; return the outcomes."""
        for process, each in zip(self.processes, arguments, strict=True):
            process.stdin.write(json.dumps({"work": work, "arguments": each}) + "\n")
        for process in self.processes:
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in self.processes]


@pytest.fixture(scope="module", params=list(DRIVERS))
def competitors(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[Competitors]:
    """Start the processes, once for each emulator: that takes longer than the races."""
    host = request.getfixturevalue(f"{request.param}_emulator")
    options, plugins = {"driver": {"emulator_host": host}}, ["transactions", "constraints"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS / "apps"), os.environ.get("PYTHONPATH", "")])}
    with (
        django_db_blocker.unblock(),
        connection_with(plugins, DRIVERS[request.param], options=options, PROJECT="kindstore-tests") as connection,
        ExitStack() as stack,
    ):
        database = json.dumps({key: connection.settings_dict[key] for key in KEYS})
        command = [sys.executable, "-W", "error", "-m", "races.competitor", database]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
        processes = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(PROCESSES)]
        assert [process.stdout and process.stdout.readline() for process in processes] == ['"ready"\n'] * PROCESSES
        yield Competitors(processes, connection.alias)


@pytest.fixture
def accounts(competitors: Competitors) -> Iterator[Any]:
    """Let a test have no other rows than its own."""
    yield competitors.accounts
    for account in competitors.accounts.all():
        account.delete()


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_processes_that_create_make_one_row(competitors: Competitors, accounts: Any, round_: int) -> None:
    outcomes = competitors.run("create", [["wanted"]] * PROCESSES)
    assert sorted(each.get("error", "") for each in outcomes) == ["", *["IntegrityError"] * (PROCESSES - 1)]
    assert [each["answer"] for each in outcomes if "answer" in each] == list(accounts.values_list("pk", flat=True))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_processes_that_get_or_create_share_one_row(competitors: Competitors, accounts: Any, round_: int) -> None:
    answers = [each["answer"] for each in competitors.run("get_or_create", [["wanted"]] * PROCESSES)]
    assert sorted(created for _, created in answers) == [False] * (PROCESSES - 1) + [True]
    assert {pk for pk, _ in answers} == set(accounts.values_list("pk", flat=True))


@pytest.mark.parametrize("field", ["visits", "balance"])
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_increments_of_processes_are_all_applied(competitors: Competitors, accounts: Any, field: str, round_: int) -> None:
    account = accounts.create(name="contended")
    outcomes = competitors.run("increment", [[account.pk, field, 40]] * PROCESSES)
    account.refresh_from_db()
    assert getattr(account, field) == 40 * PROCESSES
    assert may_be_busy(connections[competitors.alias]) or outcomes == [{"answer": 0}] * PROCESSES
    assert all(outcome.keys() == {"answer"} for outcome in outcomes)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_transfers_of_processes_all_succeed_and_keep_the_sum(competitors: Competitors, accounts: Any, round_: int) -> None:
    pks = [accounts.create(name=f"{number}", balance=100).pk for number in range(6)]
    outcomes = competitors.run("transfer", [[pks, 20, seed] for seed in range(PROCESSES)])
    assert outcomes == [{"answer": 20}] * PROCESSES
    assert sum(accounts.values_list("balance", flat=True)) == 600


@pytest.mark.parametrize("round_", range(SLOW_ROUNDS))
def test_serializable_transfers_of_processes_all_succeed_and_keep_the_sum(competitors: Competitors, accounts: Any, round_: int) -> None:
    pks = [accounts.create(name=f"{number}", balance=100).pk for number in range(6)]
    outcomes = competitors.run("transfer", [[pks, 5, seed, "serializable"] for seed in range(PROCESSES)])
    assert outcomes == [{"answer": 5}] * PROCESSES
    assert sum(accounts.values_list("balance", flat=True)) == 600
