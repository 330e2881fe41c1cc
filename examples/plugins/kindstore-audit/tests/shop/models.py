"""Rows to change."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    product = models.CharField(max_length=100)
    pieces = models.IntegerField(default=1)


class Visit(models.Model):
    page = models.CharField(max_length=100)
