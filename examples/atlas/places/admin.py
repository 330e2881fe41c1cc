"""The admin. Its lists, filters and searches are written so that the store answers them itself."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from .models import City, Continent, Country


class ContinentFilter(admin.SimpleListFilter):
    """Finds the countries of a continent first, and then their cities: two native queries where country__continent is a join."""

    title = "continent"
    parameter_name = "continent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Continent.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[City]) -> QuerySet[City]:
        if self.value() is None:
            return queryset
        return queryset.filter(country__in=Country.objects.filter(continent=self.value()).order_by())


class SizeFilter(admin.SimpleListFilter):
    """Cities by their population."""

    title = "size"
    parameter_name = "size"
    sizes = ("100000", "1000000", "10000000")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(size, f"at least {int(size):,} people") for size in self.sizes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[City]) -> QuerySet[City]:
        return queryset.filter(population__gte=int(self.value())) if self.value() in self.sizes else queryset


@admin.register(Country)
class CountryAdmin(admin.ModelAdmin):
    list_display = ("name", "code", "capital", "continent", "population", "area", "currency")
    list_filter = ("continent",)
    search_fields = ("name__startswith", "code__exact")
    ordering = ("name",)


@admin.register(City)
class CityAdmin(admin.ModelAdmin):
    list_display = ("name", "country", "population", "timezone", "latitude", "longitude")
    list_filter = (SizeFilter, ContinentFilter, "country")
    # A prefix is a range of the index; the default, "contains", would fetch every city.
    search_fields = ("name__startswith",)
    search_help_text = "The beginning of a city's name, in its own capitals."
    # A city's country is shown by a lookup of the countries on the page, not by a join.
    list_select_related = ()
    autocomplete_fields = ("country",)
    ordering = ("-population",)
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[City]:
        return super().get_queryset(request).prefetch_related("country")
