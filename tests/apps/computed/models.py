"""Models with check constraints, generated columns and database defaults."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import CheckConstraint, F, Q
from django.db.models.functions import Lower, Now, Pi


class Product(models.Model):
    name = models.CharField(max_length=50, default="x")
    price = models.IntegerField(null=True)
    discounted = models.IntegerField(null=True)
    stock = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=50, default="")

    class Meta:
        constraints = (
            CheckConstraint(condition=Q(price__gt=0), name="price_is_positive"),
            CheckConstraint(condition=Q(price__gt=F("discounted")), name="discount_is_one"),
            CheckConstraint(condition=~Q(name__iregex="^bad"), name="name_is_good"),
        )


class Plain(models.Model):
    """Checks that need no SQL."""

    price = models.IntegerField(null=True)
    kind = models.CharField(max_length=5, default="a")
    stock = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=50, default="")

    class Meta:
        constraints = (
            CheckConstraint(condition=Q(price__gt=0) | Q(kind="free"), name="price_or_free"),
            CheckConstraint(condition=Q(kind__in=["a", "b", "free"]), name="kind_is_known"),
        )


class Unchecked(models.Model):
    price = models.IntegerField()
    stock = models.PositiveIntegerField(default=0)

    class Djangae:
        disable_constraint_checks = True

    class Meta:
        constraints = (CheckConstraint(condition=Q(price__gt=0), name="unchecked_price"),)


class Square(models.Model):
    """One column that Python computes, one that SQL computes, one that is virtual, one of another."""

    width = models.IntegerField()
    height = models.IntegerField(default=1)
    name = models.CharField(max_length=50, default="", null=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal(0))
    area = models.GeneratedField(expression=F("width") * F("height"), output_field=models.IntegerField(), db_persist=True)
    lower = models.GeneratedField(expression=Lower("name"), output_field=models.CharField(max_length=50), db_persist=False)
    taxed = models.GeneratedField(
        expression=F("price") * 2, output_field=models.DecimalField(max_digits=9, decimal_places=2), db_persist=True
    )
    double = models.GeneratedField(expression=F("area") * 2, output_field=models.IntegerField(), db_persist=True)


class Handle(models.Model):
    """A generated column that is unique and has to pass a check."""

    name = models.CharField(max_length=50)
    lower = models.GeneratedField(expression=Lower("name"), output_field=models.CharField(max_length=50), db_persist=True, unique=True)

    class Meta:
        constraints = (CheckConstraint(condition=~Q(lower="root"), name="handle_is_free"),)


class Entry(models.Model):
    title = models.CharField(max_length=50, db_default="untitled")
    rank = models.IntegerField(db_default=7)
    ratio = models.FloatField(db_default=Pi())
    created = models.DateTimeField(db_default=Now())
