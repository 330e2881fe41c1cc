"""Models with every way to say that values are unique."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Lower


class ItemsField(models.Field):
    """Holds a list of texts, as an array of the store."""

    item_field_type = models.CharField

    def db_type(self, connection: Any) -> str:  # noqa: ARG002 - Django's signature
        return "items"

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else list(value)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:  # noqa: ARG002 - Django's signature
        return None if value is None else list(value)


class Account(models.Model):
    """Two unique fields, and two that are not."""

    email = models.CharField(max_length=100, unique=True)
    handle = models.SlugField(max_length=50, unique=True, null=True)
    note = models.TextField(default="")
    visits = models.IntegerField(default=0)


class AccountProxy(Account):
    class Meta:
        proxy = True


class Profile(models.Model):
    """Relations that are unique."""

    account = models.OneToOneField(Account, models.CASCADE, null=True)
    sponsor = models.ForeignKey(Account, models.CASCADE, null=True, unique=True, related_name="+", db_column="sponsored by")


class Booking(models.Model):
    """Unique together, with a member that may be null."""

    room = models.IntegerField()
    day = models.DateField(null=True)
    guest = models.CharField(max_length=20, default="")

    class Meta:
        unique_together = (("room", "day"),)


class Seat(models.Model):
    """Null is a value in one constraint; the other covers a column that it does not compare."""

    row = models.IntegerField(null=True)
    number = models.IntegerField()
    code = models.CharField(max_length=20)
    color = models.CharField(max_length=20, default="")

    class Meta:
        constraints = (
            UniqueConstraint(fields=("row", "number"), nulls_distinct=False, name="one_seat"),
            UniqueConstraint(fields=("code",), include=("color",), name="one_code"),
        )


class Draft(models.Model):
    """Conditions that are decided without SQL, on an indexed column and on one that no index covers."""

    slug = models.CharField(max_length=50)
    status = models.CharField(max_length=10, default="live")
    kind = models.TextField(default="")

    class Meta:
        constraints = (
            UniqueConstraint(fields=("slug",), condition=Q(status="live") | Q(status__gte="x"), name="one_live_slug"),
            UniqueConstraint(fields=("kind",), condition=Q(kind__gte="only") & ~Q(kind="only none"), name="one_kind"),
            UniqueConstraint(fields=("status", "kind"), condition=Q(kind="pair"), name="one_pair"),
        )


class Title(models.Model):
    """Expressions."""

    text = models.CharField(max_length=100, null=True)
    language = models.CharField(max_length=10, default="en")

    class Meta:
        constraints = (UniqueConstraint(Lower("text").desc(), "language", name="one_title"),)


class Named(models.Model):
    slug = models.SlugField(unique=True)
    order = models.IntegerField()

    class Meta:
        abstract = True
        constraints = (UniqueConstraint(fields=("order",), name="%(class)s_order"),)


class Tag(Named):
    pass


class Label(Named):
    pass


class Place(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Cafe(Place):
    code = models.IntegerField(unique=True)


class Translation(models.Model):
    """A composite primary key, a member of which is in another constraint."""

    pk = models.CompositePrimaryKey("tenant", "number")
    tenant = models.IntegerField()
    number = models.IntegerField()
    slug = models.CharField(max_length=50)

    class Meta:
        unique_together = (("tenant", "slug"),)


class Ticket(models.Model):
    """The primary key in a constraint, and in one of its own that says nothing new."""

    code = models.CharField(max_length=20, primary_key=True)
    seat = models.IntegerField()

    class Meta:
        unique_together = (("code", "seat"), ("code",))


class Tagged(models.Model):
    """Lists, each item of which is unique: alone, and for each owner."""

    names = ItemsField(unique=True, null=True)
    owner = models.IntegerField(default=0)
    words = ItemsField(default=list)

    class Meta:
        unique_together = (("owner", "words"),)


class Essay(models.Model):
    text = models.TextField(unique=True)


class Reading(models.Model):
    value = models.FloatField(unique=True)


class Price(models.Model):
    amount = models.DecimalField(max_digits=6, decimal_places=2, unique=True)


class Team(models.Model):
    name = models.CharField(max_length=50, unique=True)
    members = models.ManyToManyField(Account)


class Unkept(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Djangae:
        disable_constraint_checks = True


class Kept(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Djangae:
        disable_constraint_checks = False


class Patient(models.Model):
    """A constraint that is to be checked at the end of a transaction."""

    place = models.IntegerField()

    class Meta:
        constraints = (UniqueConstraint(fields=("place",), deferrable=models.Deferrable.DEFERRED, name="one_place"),)


class Thirty(models.Model):
    """Thirty unique fields."""

    for _number in range(30):
        locals()[f"field{_number}"] = models.IntegerField(unique=True)
    del _number


class Shelf(models.Model):
    """A row that lacks the column reads as its default, which is then a value like any other."""

    position = models.IntegerField(unique=True, default=7)
