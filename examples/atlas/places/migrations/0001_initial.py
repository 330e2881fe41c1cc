"""The tables of the places."""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar[list[Any]] = []

    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="Country",
            fields=[
                ("code", models.CharField(max_length=2, primary_key=True, serialize=False, verbose_name="ISO code")),
                ("iso3", models.CharField(max_length=3, verbose_name="ISO code of three letters")),
                ("name", models.CharField(max_length=100)),
                ("capital", models.CharField(blank=True, max_length=100)),
                (
                    "continent",
                    models.CharField(
                        choices=[
                            ("AF", "Africa"),
                            ("AN", "Antarctica"),
                            ("AS", "Asia"),
                            ("EU", "Europe"),
                            ("NA", "North America"),
                            ("OC", "Oceania"),
                            ("SA", "South America"),
                        ],
                        max_length=2,
                    ),
                ),
                ("population", models.BigIntegerField()),
                ("area", models.IntegerField(verbose_name="area in km²")),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("currency_name", models.CharField(blank=True, max_length=50)),
                ("domain", models.CharField(blank=True, max_length=10, verbose_name="top-level domain")),
                ("phone", models.CharField(blank=True, max_length=20, verbose_name="calling code")),
                ("languages", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "verbose_name_plural": "countries",
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="City",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False, verbose_name="GeoNames number")),
                ("name", models.CharField(max_length=200)),
                ("population", models.IntegerField()),
                ("latitude", models.FloatField()),
                ("longitude", models.FloatField()),
                ("timezone", models.CharField(max_length=50)),
                ("region", models.CharField(blank=True, max_length=20, verbose_name="code of the region")),
                ("other_names", models.TextField(blank=True)),
                ("country", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="places.country")),
            ],
            options={
                "verbose_name_plural": "cities",
            },
        ),
    ]
