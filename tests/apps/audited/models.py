"""Models whose unique values are audited."""

from __future__ import annotations

from django.db import models


class Kept(models.Model):
    name = models.CharField(max_length=20, unique=True)
    size = models.IntegerField(null=True)

    class Djangae:
        disable_constraint_checks = False


class Unkept(models.Model):
    name = models.CharField(max_length=20, unique=True)
    size = models.IntegerField(null=True)

    class Djangae:
        disable_constraint_checks = True


class Pair(models.Model):
    left = models.IntegerField()
    right = models.IntegerField()

    class Meta:
        unique_together = (("left", "right"),)
