"""What the plugin wrote, for reading."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One change of one row."""

    name = models.CharField(primary_key=True, max_length=32)
    kind = models.CharField(max_length=500)
    key = models.CharField(max_length=1500)
    verb = models.CharField(max_length=10)
    at = models.DateTimeField()
    columns = models.TextField()

    class Meta:
        db_table = "kindstore_audit"
        ordering = ("at", "name")
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.verb} {self.key}"
