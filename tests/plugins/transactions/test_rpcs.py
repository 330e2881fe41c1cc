"""With transactions and unique values each operation takes the RPCs that the documentation promises: their number and their kind."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from records.models import Record
from uniques.models import Account, Tag

from kindstore.plugins.transactions import SplitTransactionWarning
from kindstore.testing import capture_rpcs

from .rpc_table import OPERATIONS, Operation, table

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "rpcs.md"


@pytest.fixture
def plugins() -> list[str]:
    return ["transactions", "constraints"]


@pytest.fixture
def options() -> dict[str, Any]:
    """Use the ids that projects use: those of tests ask the store first."""
    return {}


@pytest.fixture
def rows() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SplitTransactionWarning)
        Record.objects.bulk_create(Record(id=i, name=f"row {i}", n=i % 10) for i in range(1, 101))
        Account.objects.bulk_create(Account(id=i, email=f"email {i}", handle=f"handle-{i}") for i in range(1, 101))
        Tag.objects.bulk_create(Tag(id=i, slug=f"tag-{i}", order=i) for i in range(1, 101))


def expected(operation: Operation) -> tuple[str, ...]:
    return operation.legacy if connection.session.capabilities.disjunctions == 1 else operation.rich


@pytest.mark.usefixtures("rows")
@pytest.mark.filterwarnings("ignore::kindstore.plugins.transactions.SplitTransactionWarning")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_takes_the_rpcs_of_the_table(operation: Operation) -> None:
    run = operation.prepare()
    with capture_rpcs() as rpcs:
        run()
    assert tuple(rpcs.methods) == expected(operation), rpcs


def test_the_documentation_has_the_table_that_is_asserted() -> None:
    assert table() in DOCUMENT.read_text()
