"""Rows that many write at once, for the tests of races and of faults."""

from __future__ import annotations

from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=50)


class Account(models.Model):
    """Two unique values; a number that the store can increment by itself, and one that is read before it is written."""

    name = models.CharField(max_length=50, unique=True)
    box = models.IntegerField(null=True, unique=True)
    visits = models.IntegerField(default=0)
    balance = models.BigIntegerField(default=0)
    owners = models.ManyToManyField(Customer)
