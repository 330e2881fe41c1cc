"""Each change has its audit entity, in its own commit, and a change that fails has none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError
from kindstore_audit import AuditPlugin
from kindstore_audit.models import AuditEntry
from shop.models import Order, Visit

pytestmark = pytest.mark.django_db(databases=["default", "choosy"])


def written(using: str = "default") -> list[tuple[Any, ...]]:
    """Return what was written, in a stable order."""
    return sorted(AuditEntry.objects.using(using).values_list("kind", "key", "verb", "columns"))


def test_a_create_is_audited() -> None:
    before = datetime.now(UTC)
    Order.objects.create(pk=7, product="tea")
    (entry,) = AuditEntry.objects.all()
    assert (entry.kind, entry.key, entry.verb) == ("shop_order", "shop_order:7", "insert")
    assert set(entry.columns.split(",")) >= {"product", "pieces"}
    assert before - timedelta(milliseconds=1) <= entry.at <= datetime.now(UTC)


def test_a_create_and_its_audit_are_one_request(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        Order.objects.create(product="tea")


def test_an_update_names_the_columns_that_it_wrote() -> None:
    order = Order.objects.create(pk=7, product="tea")
    order.pieces = 2
    order.save(update_fields=["pieces"])
    (entry,) = AuditEntry.objects.exclude(verb="insert")
    assert (entry.key, entry.columns) == ("shop_order:7", "pieces")


def test_an_update_of_many_rows_is_audited_row_by_row() -> None:
    Order.objects.bulk_create([Order(pk=pk, product="tea") for pk in range(1, 4)])
    Order.objects.filter(product="tea").update(pieces=5)
    assert [key for _, key, verb, _ in written() if verb != "insert"] == ["shop_order:1", "shop_order:2", "shop_order:3"]


def test_a_delete_is_audited() -> None:
    Order.objects.create(pk=7, product="tea").delete()
    assert ("shop_order", "shop_order:7", "delete", "") in written()


def test_bulk_create_is_audited_row_by_row() -> None:
    Order.objects.bulk_create([Order(product=str(number)) for number in range(600)])
    assert AuditEntry.objects.filter(verb="insert").count() == 600


def test_a_change_that_fails_leaves_no_audit() -> None:
    Order.objects.create(pk=7, product="tea")
    before = written()
    with pytest.raises(IntegrityError):
        Order.objects.create(pk=7, product="coffee")
    assert written() == before


def test_a_batch_with_one_bad_row_leaves_no_audit() -> None:
    Order.objects.create(pk=7, product="tea")
    before = written()
    with pytest.raises(IntegrityError):
        Order.objects.bulk_create([Order(pk=6, product="milk"), Order(pk=7, product="coffee")])
    assert written() == before


def test_other_kinds_than_those_of_the_option_are_not_audited() -> None:
    Visit.objects.using("choosy").create(page="/")
    Order.objects.using("choosy").create(pk=1, product="tea")
    assert [key for _, key, _, _ in written("choosy")] == ["shop_order:1"]


def test_a_string_of_kinds_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="it must be a list of kinds"):
        AuditPlugin(kinds="shop_order")
