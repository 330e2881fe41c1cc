"""Check constraints: on each row that is written, natively or by SQL on that one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from computed.models import Plain, Product, Unchecked
from django.core.management import call_command
from django.db import IntegrityError, NotSupportedError, connection, models, transaction
from django.db.models import CheckConstraint, F, Q
from django.db.models.functions import Upper
from django.test.utils import isolate_apps, override_settings

from kindstore.plugins.constraints.rules import Rules
from kindstore.testing import capture_rpcs


@pytest.fixture
def plugins() -> list[str]:
    return ["constraints", "relational"]


def is_legacy() -> bool:
    return not connection.session.capabilities.property_masks


def rpcs_of(run: Callable[[], object]) -> list[str]:
    with capture_rpcs() as rpcs:
        run()
    return list(rpcs.methods)


BROKEN = [
    ({"price": 0}, "price_is_positive"),
    ({"price": 3, "discounted": 3}, "discount_is_one"),
    ({"name": "Bad idea"}, "name_is_good"),
    ({"stock": -1}, "computed_product_stock_check"),
]


@pytest.mark.parametrize(("values", "name"), BROKEN)
def test_a_row_that_breaks_a_constraint_is_refused(values: dict[str, Any], name: str) -> None:
    with pytest.raises(IntegrityError, match=rf"^CHECK constraint failed: {name}: the computed\.Product with the primary key .*\.$"):
        Product.objects.create(**values)
    assert Product.objects.count() == 0


@pytest.mark.parametrize("values", [{"price": 3, "discounted": 2}, {"price": None, "discounted": 5}, {"price": 3}, {"name": "good"}])
def test_a_row_that_breaks_none_is_written_and_the_unknown_passes(values: dict[str, Any]) -> None:
    Product.objects.create(**values)
    assert Product.objects.count() == 1


@pytest.mark.parametrize(("values", "name"), BROKEN)
@pytest.mark.parametrize("way", ["save", "update_fields", "update", "bulk_update", "bulk_create", "conflict", "atomic"])
def test_every_way_of_writing_is_checked(values: dict[str, Any], name: str, way: str) -> None:
    product = Product.objects.create(price=3, discounted=1)
    for field, value in values.items():
        setattr(product, field, value)
    ways: dict[str, Callable[[], object]] = {
        "save": product.save,
        "update_fields": lambda: product.save(update_fields=list(values)),
        "update": lambda: Product.objects.filter(note="").update(**values),
        "bulk_update": lambda: Product.objects.bulk_update([product], list(values)),
        "bulk_create": lambda: Product.objects.bulk_create([Product(), Product(**values)]),
        "conflict": lambda: Product.objects.bulk_create(
            [product], update_conflicts=True, unique_fields=["id"], update_fields=["price", "discounted", "name", "stock"]
        ),
        "atomic": lambda: transaction.atomic(product.save)(),
    }
    with pytest.raises(IntegrityError, match=f"CHECK constraint failed: {name}"):
        ways[way]()
    assert list(Product.objects.values_list("price", "discounted", "name", "stock")) == [(3, 1, "x", 0)]


def test_fixtures_are_checked(tmp_path: Any) -> None:
    path = tmp_path / "products.json"
    path.write_text('[{"model": "computed.product", "pk": 1, "fields": {"price": -1}}]')
    with pytest.raises(IntegrityError, match="price_is_positive"):
        call_command("loaddata", str(path), verbosity=0)


def test_what_an_update_computes_is_checked() -> None:
    Product.objects.create(price=3, discounted=2, stock=1)
    with pytest.raises(IntegrityError, match="discount_is_one"):
        Product.objects.update(price=F("price") - 1)
    with pytest.raises(IntegrityError, match="computed_product_stock_check"):
        Product.objects.update(stock=F("stock") - 2)
    Product.objects.update(price=F("price") + 1, stock=F("stock") - 1)
    assert Product.objects.values_list("price", "stock").get() == (4, 0)


def test_an_update_of_one_column_is_checked_with_the_others_of_the_row() -> None:
    product = Product.objects.create(price=3, discounted=2)
    with pytest.raises(IntegrityError, match="discount_is_one"):
        Product.objects.filter(pk=product.pk).update(discounted=4)


def test_a_check_on_one_row_costs_no_rpc() -> None:
    product = Product(price=3, discounted=1)
    read = ["Lookup"] if is_legacy() else []
    assert rpcs_of(lambda: product.save(force_insert=True)) == ["Commit"]
    assert rpcs_of(product.save) == [*read, "Commit"]
    assert rpcs_of(lambda: product.save(update_fields=["price", "discounted"])) == [*read, "Commit"]
    assert rpcs_of(lambda: product.save(update_fields=["note"])) == [*read, "Commit"]


def test_a_row_is_read_where_a_constraint_depends_on_more_than_is_set() -> None:
    product = Product.objects.create(price=3, discounted=1)
    assert rpcs_of(lambda: product.save(update_fields=["price"])) == ["Lookup", "Commit"]


def test_adding_to_a_positive_column_needs_no_read() -> None:
    product = Product.objects.create()
    rows = Product.objects.filter(pk=product.pk)
    expected = ["Lookup", "Commit"] if is_legacy() else ["Commit"]
    assert rpcs_of(lambda: rows.update(stock=F("stock") + 2)) == expected
    assert rpcs_of(lambda: rows.update(stock=F("stock") - 1)) == ["Lookup", "Commit"]
    assert rows.get().stock == 1


def test_a_model_opts_out() -> None:
    Unchecked.objects.create(price=-1, stock=-1)
    assert Unchecked.objects.count() == 1


def test_a_setting_turns_checks_off() -> None:
    with override_settings(DJANGAE_DISABLE_CONSTRAINT_CHECKS=True):
        Product.objects.create(price=-1)
    with pytest.raises(IntegrityError, match="price_is_positive"):
        Product.objects.create(price=-1)


class TestWithoutSQL:
    @pytest.fixture
    def plugins(self) -> list[str]:
        return ["constraints"]

    @pytest.mark.parametrize(
        ("values", "name"), [({"price": 0}, "price_or_free"), ({"kind": "c", "price": 1}, "kind_is_known"), ({"stock": -1}, "stock_check")]
    )
    def test_what_the_store_compares_is_checked(self, values: dict[str, Any], name: str) -> None:
        with pytest.raises(IntegrityError, match=name):
            Plain.objects.create(**values)

    def test_the_unknown_passes(self) -> None:
        Plain.objects.create(price=None)
        Plain.objects.create(price=-1, kind="free")
        assert Plain.objects.count() == 2

    def test_no_constraint_needs_sql(self) -> None:
        assert list(Rules(Plain, connection).computed) == []

    def test_django_is_told_that_checks_are_kept(self) -> None:
        assert connection.features.supports_table_check_constraints
        assert connection.features.supports_column_check_constraints

    @isolate_apps("computed")
    def test_a_constraint_that_only_sql_can_tell_is_an_error_without_it(self) -> None:
        class Word(models.Model):
            text = models.CharField(max_length=10)

            class Meta:
                app_label = "computed"
                constraints = (CheckConstraint(condition=Q(text=Upper("text")), name="is_upper"),)

        with pytest.raises(NotSupportedError, match=r"The constraint 'is_upper' of computed\.Word cannot be checked: .* Add 'relational'"):
            Word.objects.create(text="A")

    def test_what_only_sql_can_tell_is_an_error_of_the_system_checks(self) -> None:
        found = [(each.id, each.msg) for each in connection.plugins.system_checks() if each.obj in (Product, Plain)]
        assert [each for each, _ in found] == ["kindstore.E021"] * 2
        assert "'discount_is_one' of computed.Product cannot be kept by the store alone" in found[0][1]
