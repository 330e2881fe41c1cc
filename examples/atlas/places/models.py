"""Countries and cities, as GeoNames knows them."""

from __future__ import annotations

from django.db import models


class Continent(models.TextChoices):
    """The continents, by the codes of GeoNames."""

    AFRICA = "AF"
    ANTARCTICA = "AN"
    ASIA = "AS"
    EUROPE = "EU"
    NORTH_AMERICA = "NA"
    OCEANIA = "OC"
    SOUTH_AMERICA = "SA"


class Country(models.Model):
    """A country; its key is its ISO code."""

    code = models.CharField("ISO code", max_length=2, primary_key=True)
    iso3 = models.CharField("ISO code of three letters", max_length=3)
    name = models.CharField(max_length=100)
    capital = models.CharField(max_length=100, blank=True)
    continent = models.CharField(max_length=2, choices=Continent)
    population = models.BigIntegerField()
    area = models.IntegerField("area in km²")
    currency = models.CharField(max_length=3, blank=True)
    currency_name = models.CharField(max_length=50, blank=True)
    domain = models.CharField("top-level domain", max_length=10, blank=True)
    phone = models.CharField("calling code", max_length=20, blank=True)
    languages = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "countries"

    def __str__(self) -> str:
        return self.name


class City(models.Model):
    """A city of 15,000 people or more; its key is its number in GeoNames."""

    id = models.IntegerField("GeoNames number", primary_key=True)
    name = models.CharField(max_length=200)
    country = models.ForeignKey(Country, models.CASCADE)
    population = models.IntegerField()
    latitude = models.FloatField()
    longitude = models.FloatField()
    timezone = models.CharField(max_length=50)
    region = models.CharField("code of the region", max_length=20, blank=True)
    other_names = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "cities"

    def __str__(self) -> str:
        return f"{self.name} ({self.country_id})"
