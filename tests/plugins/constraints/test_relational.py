"""What only SQL can tell of a constraint, with the plugin that can."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models
from django.db.models import F, Q, UniqueConstraint
from django.db.models.functions import Collate, Lower, Round
from django.test.utils import isolate_apps
from uniques.models import Account, Draft, Team, Title

from kindstore.core.datamodel import Entity, Key
from kindstore.plugins.constraints.uniques import Uniques
from kindstore.testing import capture_rpcs


@pytest.fixture
def plugins() -> list[str]:
    return ["constraints", "relational"]


def claims(model: type[models.Model], *rows: dict[str, object]) -> list[set[str]]:
    """Return the names of the markers of rows."""
    uniques = Uniques(model, connection)
    entities = [Entity(Key(((uniques.mapping.kind, number),)), row) for number, row in enumerate(rows, 1)]  # type: ignore[arg-type]
    return [{str(key.id_or_name) for key in each} for each in uniques.claims(entities)]


def test_the_values_of_expressions_are_unique() -> None:
    Title.objects.create(text="Ab")
    Title.objects.create(text="Ab", language="fr")
    with pytest.raises(IntegrityError, match=r"uniques\.Title\.text, uniques\.Title\.language: .* \(the constraint 'one_title'\)"):
        Title.objects.create(text="aB")


def test_an_expression_that_is_null_collides_with_nothing() -> None:
    Title.objects.bulk_create([Title(text=None), Title(text=None)])
    assert Title.objects.count() == 2


def test_an_update_moves_the_values_of_expressions() -> None:
    Title.objects.create(text="Ab")
    Title.objects.update(text="Cd")
    Title.objects.create(text="AB")
    with pytest.raises(IntegrityError, match="one_title"):
        Title.objects.create(text="CD")


def test_no_table_is_read_to_compute_the_values_of_rows() -> None:
    Title.objects.bulk_create([Title(text=f"{number}") for number in range(20)])
    with capture_rpcs() as rpcs:
        Title.objects.create(text="x")
    assert rpcs.methods == ["Commit"]


@isolate_apps("uniques")
def test_the_numbers_of_expressions_are_compared_as_sql_does() -> None:
    class Rounded(models.Model):
        value = models.FloatField()

        class Meta:
            app_label = "uniques"
            constraints = (UniqueConstraint(Round("value"), name="one_rounded"),)

    one, two, three = claims(Rounded, {"value": 0.9}, {"value": 1.1}, {"value": 1.9})
    assert one == two != three


@isolate_apps("uniques")
def test_collations_make_values_equal() -> None:
    class Word(models.Model):
        text = models.CharField(max_length=20)
        folded = models.CharField(max_length=20, unique=True, db_collation="NOCASE")

        class Meta:
            app_label = "uniques"
            constraints = (UniqueConstraint(Collate(F("text"), "rtrim").asc(), name="one_trimmed"),)

    one, two, three = claims(Word, {"text": "a ", "folded": "X"}, {"text": "a", "folded": "x"}, {"text": "A", "folded": "y"})
    assert one == two
    assert one.isdisjoint(three)


@isolate_apps("uniques")
def test_a_condition_that_only_sql_can_tell_is_told_for_each_row() -> None:
    class Page(models.Model):
        path = models.CharField(max_length=20)

        class Meta:
            app_label = "uniques"
            constraints = (
                UniqueConstraint(fields=["path"], condition=Q(path__icontains="PUB"), name="one_public"),
                UniqueConstraint(Lower("path"), condition=~Q(path__endswith="/draft"), name="one_path"),
            )

    public, draft, other = claims(Page, {"path": "/public"}, {"path": "/public/draft"}, {"path": "/other"})
    assert {name.split("|")[1] for name in public} == {"=one_public", "=one_path"}
    assert {name.split("|")[1] for name in draft} == {"=one_public"}
    assert {name.split("|")[1] for name in other} == {"=one_path"}


def test_bulk_update_moves_values_and_swaps_them() -> None:
    one, two = Account.objects.bulk_create([Account(email="a@x.org"), Account(email="b@x.org")])
    one.email, two.email = two.email, one.email
    assert Account.objects.bulk_update([one, two], ["email"]) == 2
    assert [Account.objects.get(email=email) for email in ("b@x.org", "a@x.org")] == [one, two]
    one.email = "c@x.org"
    Account.objects.bulk_update([one], ["email"])
    Account.objects.create(email="b@x.org")
    with pytest.raises(IntegrityError, match=r"uniques\.Account\.email"):
        Account.objects.create(email="c@x.org")


def test_a_many_to_many_relation_holds_each_row_once() -> None:
    team, account = Team.objects.create(name="a"), Account.objects.create(email="a@x.org")
    team.members.add(account)
    team.members.add(account, Account.objects.create(email="b@x.org"))
    assert team.members.count() == 2
    team.members.set([account])
    team.members.remove(account)
    team.members.add(account)
    assert list(team.members.all()) == [account]
    with pytest.raises(IntegrityError, match=r"uniques\.Team_members\.team, uniques\.Team_members\.account"):
        Team.members.through.objects.create(team=team, account=account)


def test_full_clean_finds_what_is_taken() -> None:
    Draft.objects.create(slug="a")
    Title.objects.create(text="Ab")
    assert errors_of(Draft(slug="a")) == ["Constraint “one_live_slug” is violated."]
    assert errors_of(Draft(slug="a", status="old")) == []
    assert errors_of(Title(text="AB")) == ["Constraint “one_title” is violated."]
    Account.objects.create(email="a@x.org")
    assert errors_of(Account(email="a@x.org")) == ["Account with this Email already exists."]


def errors_of(row: models.Model) -> list[str]:
    try:
        row.full_clean(exclude=["handle", "note", "kind"])
    except ValidationError as error:
        return list(error.messages)
    return []
