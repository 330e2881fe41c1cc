"""What competitors do, threads and processes alike."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from bank.models import Account
from django.db.models import F

from kindstore.core.datamodel.errors import Contention, VersionConflict
from kindstore.core.session.contention import ATTEMPTS
from kindstore.plugins.transactions import atomic
from kindstore.testing import capture_rpcs

RETRIES = 100  # of a transfer: far more than the worst of luck needs


def create(name: str) -> int:
    """Create an account; return its primary key."""
    return Account.objects.create(name=name).pk


def get_or_create(name: str) -> tuple[int, bool]:
    """Return the primary key of an account, and whether it was created."""
    account, created = Account.objects.get_or_create(name=name)
    return account.pk, created


def increment(pk: int, field: str, times: int) -> int:
    """Increment a number of an account so often, whatever it takes; return how often the store was too busy."""
    busy = 0
    for _ in range(times):
        while not _incremented(pk, field):
            busy += 1
    return busy


def _incremented(pk: int, field: str) -> bool:
    """Increment once. False means that nothing was written, in as many attempts as are documented."""
    with capture_rpcs() as rpcs:
        try:
            assert Account.objects.filter(pk=pk).update(**{field: F(field) + 1}) == 1
        except (Contention, VersionConflict):
            if rpcs.methods.count("Commit") < ATTEMPTS:
                raise
            return False
    return True


def transfer(pks: Sequence[int], times: int, seed: int, isolation: Any = "snapshot") -> int:
    """Move money between accounts again and again; return how often."""
    random = Random(seed)

    @atomic(retries=RETRIES, isolation=isolation)
    def move(source: int, target: int, amount: int) -> None:
        payer, payee = Account.objects.get(pk=source), Account.objects.get(pk=target)
        payer.balance -= amount
        payee.balance += amount
        payer.save(update_fields=["balance"])
        payee.save(update_fields=["balance"])

    for _ in range(times):
        source, target = random.sample(pks, 2)
        move(source, target, random.randint(1, 9))
    return times
