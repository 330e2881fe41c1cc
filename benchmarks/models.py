"""What is written and read: rows of ten properties beside their key."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import models

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class TenProperties(models.Model):
    name = models.CharField(max_length=100)
    number = models.IntegerField(db_index=True)
    group = models.IntegerField(db_index=True, null=True)
    share = models.FloatField()
    active = models.BooleanField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    moment = models.DateTimeField()
    day = models.DateField()
    text = models.TextField()
    code = models.CharField(max_length=20, null=True)

    class Meta:
        abstract = True


class Row(TenProperties):
    """Is read."""


class Draft(TenProperties):
    """Is written, so that the tables that are read do not grow."""


class Hundreds(TenProperties):
    """Has 100,000 rows when it is weighed."""


class Thousand(models.Model):
    """One of a thousand rows."""

    number = models.IntegerField()


class Million(models.Model):
    """One of a million rows."""

    number = models.IntegerField()


MODELS = (Row, Draft, Hundreds, Thousand, Million)


def values(number: int) -> dict[str, Any]:
    """Return the ten properties of a row."""
    return {
        "name": f"name {number}",
        "number": number,
        "group": number % 7,
        "share": number / 2,
        "active": bool(number % 2),
        "price": Decimal(number % 1000) / 4,
        "moment": START + dt.timedelta(minutes=number),
        "day": START.date() + dt.timedelta(days=number % 1000),
        "text": f"text {number} " * 5,
        "code": None,
    }
