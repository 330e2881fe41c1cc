"""Models with every kind of field and of primary key that the tests of the ORM need."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import ClassVar

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50)
    born = models.IntegerField(null=True)


class Record(models.Model):
    """What most tests read and write."""

    name = models.CharField(max_length=100, default="")
    n = models.IntegerField(default=0)
    m = models.IntegerField(null=True)
    flag = models.BooleanField(default=False)
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    day = models.DateField(null=True)
    at = models.DateTimeField(null=True)
    author = models.ForeignKey(Author, models.CASCADE, null=True)


class EveryField(models.Model):
    """One field of each of Django's types that need no further package."""

    big = models.BigIntegerField(default=2**40)
    binary = models.BinaryField(default=b"\x00\xff")
    boolean = models.BooleanField(default=True)
    maybe = models.BooleanField(null=True)
    char = models.CharField(max_length=1500, default="é")
    long_char = models.CharField(max_length=5000, default="x")
    date = models.DateField(default=dt.date(2024, 2, 29))
    datetime = models.DateTimeField(default=dt.datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=dt.UTC))
    decimal = models.DecimalField(max_digits=16, decimal_places=4, default=Decimal("-12.5000"))
    duration = models.DurationField(default=dt.timedelta(days=-1, microseconds=5))
    email = models.EmailField(default="a@example.com")
    file = models.FileField(default="a/b.txt")
    path = models.FilePathField(default="/tmp")
    number = models.FloatField(default=0.1)
    integer = models.IntegerField(default=-7)
    address = models.GenericIPAddressField(default="2001:db8::1")
    json = models.JSONField(default=dict)
    positive_big = models.PositiveBigIntegerField(default=2**62)
    positive = models.PositiveIntegerField(default=3)
    positive_small = models.PositiveSmallIntegerField(default=4)
    slug = models.SlugField(default="a-slug")
    small = models.SmallIntegerField(default=-5)
    text = models.TextField(default="long " * 1000)
    time = models.TimeField(default=dt.time(23, 59, 59, 999999))
    url = models.URLField(default="https://example.com/")
    uuid = models.UUIDField(default=uuid.UUID(int=5))


class Nullable(models.Model):
    """Columns that may be null, of each type whose order matters."""

    text = models.CharField(max_length=20, null=True)
    number = models.IntegerField(null=True)
    real = models.FloatField(null=True)
    price = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    day = models.DateField(null=True)
    at = models.DateTimeField(null=True)
    time = models.TimeField(null=True)
    span = models.DurationField(null=True)


class Word(models.Model):
    """Has a string as its primary key."""

    text = models.CharField(max_length=1500, primary_key=True)
    n = models.IntegerField(default=0)


class Usage(models.Model):
    """Points at a string primary key."""

    word = models.ForeignKey(Word, models.CASCADE)


class Ticket(models.Model):
    """Has a UUID as its primary key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    n = models.IntegerField(default=0)


class Price(models.Model):
    """Has a decimal as its primary key."""

    amount = models.DecimalField(max_digits=6, decimal_places=2, primary_key=True)


class PriceUse(models.Model):
    """Points at a decimal primary key."""

    price = models.ForeignKey(Price, models.CASCADE)


class Sorted(models.Model):
    """Has a default ordering."""

    name = models.CharField(max_length=50)
    rank = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["-rank", "name"]


class SortedUse(models.Model):
    """Points at a model with a default ordering."""

    sorted = models.ForeignKey(Sorted, models.CASCADE)


class Defaulted(models.Model):
    """Its columns are missing from entities that others wrote."""

    name = models.CharField(max_length=20)
    grade = models.IntegerField(default=7)
    note = models.CharField(max_length=20, null=True, default="none yet")
    must = models.IntegerField()
