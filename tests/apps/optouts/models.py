"""Models that do without plugins, in each way that there is to say so."""

from __future__ import annotations

from django.db import models


class Plain(models.Model):
    pass


class Uncached(models.Model):
    class Djangae:
        disabled_plugins = ("caching",)


class Unchecked(models.Model):
    class Djangae:
        disable_constraint_checks = True

    class Meta:
        abstract = True


class Bulk(Unchecked):
    pass


class UncachedBulk(Unchecked):
    class Djangae:
        disabled_plugins = ("caching",)


class Strict(Unchecked):
    class Djangae:
        disable_constraint_checks = False


class StrictList(models.Model):
    class Djangae:
        disabled_plugins = ("caching", "constraints")
        disable_constraint_checks = False


class UncachedChild(Uncached):
    pass


class UncachedProxy(Uncached):
    class Meta:
        proxy = True
