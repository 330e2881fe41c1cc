"""One model with each sort of unique value, and one field that is not."""

from __future__ import annotations

from django.db import models
from django.db.models import Q, UniqueConstraint


class Entry(models.Model):
    n = models.IntegerField(default=0)
    name = models.CharField(max_length=20, null=True, unique=True)
    bank = models.IntegerField(null=True)
    number = models.IntegerField(default=0)
    slot = models.IntegerField(default=0)
    active = models.BooleanField(default=False)

    class Meta:
        unique_together = (("bank", "number"),)
        constraints = (UniqueConstraint(fields=("slot",), condition=Q(active=True), name="one_active_in_a_slot"),)
