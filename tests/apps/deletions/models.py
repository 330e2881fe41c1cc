"""A parent, and a child for each thing that may happen to it when the parent is deleted."""

from __future__ import annotations

from typing import Any

from django.db import models

DEFAULT = 1  # the primary key of the parent that takes over


def take_over() -> Any:
    return Parent.objects.get_or_create(pk=DEFAULT)[0]


class Parent(models.Model):
    name = models.CharField(max_length=50, default="")


class Cascading(models.Model):
    parent = models.ForeignKey(Parent, models.CASCADE)


class Grandchild(models.Model):
    child = models.ForeignKey(Cascading, models.CASCADE)


class Protected(models.Model):
    parent = models.ForeignKey(Parent, models.PROTECT)


class Restricted(models.Model):
    parent = models.ForeignKey(Parent, models.RESTRICT)


class SetNull(models.Model):
    parent = models.ForeignKey(Parent, models.SET_NULL, null=True)


class SetDefault(models.Model):
    parent = models.ForeignKey(Parent, models.SET_DEFAULT, default=DEFAULT)


class SetByFunction(models.Model):
    parent = models.ForeignKey(Parent, models.SET(take_over))


class LeftAlone(models.Model):
    parent = models.ForeignKey(Parent, models.DO_NOTHING)
