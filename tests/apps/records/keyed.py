"""Models that are made for a test, inside `isolate_apps("records")`."""

from __future__ import annotations

from typing import Any

from django.db import models


def keyed(field: Any) -> tuple[Any, Any]:
    """Return a model whose primary key is a field of a class, and one that refers to it."""

    class Named(models.Model):
        id = field(primary_key=True)
        name = models.CharField(max_length=9, default="")
        n = models.IntegerField(default=0)

        class Meta:
            app_label = "records"

    class Refers(models.Model):
        named = models.ForeignKey(Named, models.CASCADE)

        class Meta:
            app_label = "records"

    return Named, Refers
