"""`check_constraints()` looks at what the open block wrote, so `loaddata` refuses a row that refers to none."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from records.models import Author, Price, PriceUse, Record, Usage, Word

from kindstore.testing import capture_rpcs


def test_rows_that_were_there_are_not_read() -> None:
    Record.objects.bulk_create(Record(author_id=999) for _ in range(5))
    with transaction.atomic(), capture_rpcs() as rpcs:
        connection.check_constraints()
    assert not rpcs
    with transaction.atomic():
        Author.objects.create(pk=1)
        Record.objects.bulk_create([Record(author_id=1), Record(author_id=None)])
        with capture_rpcs() as rpcs:
            connection.check_constraints([Record._meta.db_table])
    assert rpcs.methods in ([], ["Lookup"])


@pytest.mark.parametrize("make", [lambda: Record(author_id=7), lambda: Usage(word_id=""), lambda: PriceUse(price_id=Decimal("2.5"))])
def test_a_reference_to_no_row_is_named(make: Any) -> None:
    row = make()
    with transaction.atomic():
        row.save()
        with pytest.raises(IntegrityError, match=rf"FOREIGN KEY constraint failed: {row._meta.label}\.\w+ of the row with the .*{row.pk}"):
            connection.check_constraints()
        connection.check_constraints([Author._meta.db_table])
        Author.objects.create(pk=7)
        Word.objects.create(pk="")
        Price.objects.create(pk=Decimal("2.5"))
        connection.check_constraints()


def test_a_row_that_was_deleted_again_refers_to_nothing() -> None:
    with transaction.atomic():
        Record.objects.create(author_id=7).delete()
        connection.check_constraints()


def test_loaddata_refuses_rows_that_refer_to_none_and_writes_nothing(tmp_path: Path) -> None:
    fixture = tmp_path / "rows.json"
    rows = [{"model": "records.record", "pk": 1, "fields": {"author": 5}}, {"model": "records.author", "pk": 5, "fields": {"name": "a"}}]
    fixture.write_text(json.dumps(rows))
    call_command("loaddata", str(fixture), verbosity=0)
    assert Record.objects.get().author.name == "a"
    fixture.write_text(json.dumps([{**rows[0], "pk": 2, "fields": {"author": 6}}]))
    with pytest.raises(IntegrityError, match=r"Problem installing fixture.*records\.Record\.author .* 2 is 6"):
        call_command("loaddata", str(fixture), verbosity=0)
    assert Record.objects.count() == 1


def test_without_a_block_all_rows_are_checked() -> None:
    Record.objects.create(author_id=7)
    with pytest.raises(IntegrityError, match=r"records\.Record\.author"):
        connection.check_constraints()
    connection.check_constraints([Usage._meta.db_table])
    Author.objects.create(pk=7)
    connection.check_constraints()


def test_a_column_that_is_not_to_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    Record.objects.create(author_id=7)
    monkeypatch.setattr(Record._meta.get_field("author"), "db_constraint", False)
    connection.check_constraints()
