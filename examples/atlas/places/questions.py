"""Questions about the atlas, as a program would ask them: what the store answers itself, and what takes SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, F, Model, Q, QuerySet, Sum

from .models import City, Country

NAMES = {"Avg": Avg, "City": City, "Count": Count, "Country": Country, "F": F, "Q": Q, "Sum": Sum}


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words, the queryset that finds the rows, and what is asked of it ("": the rows themselves)."""

    words: str
    rows: str
    then: str = ""

    @property
    def code(self) -> str:
        """The expression that answers the question."""
        return f"{self.rows}{self.then}"

    def queryset(self) -> QuerySet[Model]:
        return eval(self.rows, dict(NAMES))

    def answer(self) -> list[str]:
        """Ask, and return the lines of the answer."""
        found = eval(self.code, dict(NAMES))
        return [_line(row) for row in found] if isinstance(found, QuerySet) else [_line(found)]


def _line(value: Any) -> str:
    match value:
        case City():
            return f"{value}, {value.population:,} people"
        case dict():
            return ", ".join(f"{name} {_line(part)}" for name, part in value.items())
        case tuple():
            return ", ".join(map(_line, value))
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case _:
            return str(value)


NATIVE = (
    Question("Which city has the number 2950159?", "City.objects.filter(pk=2950159)", ".get()"),
    Question("How many cities are in Switzerland?", 'City.objects.filter(country="CH")', ".count()"),
    Question("Is there a city in Antarctica's time zone?", 'City.objects.filter(timezone="Antarctica/McMurdo")', ".exists()"),
    Question("Which are the largest cities of Germany?", 'City.objects.filter(country="DE").order_by("-population")[:5]'),
    Question(
        "Which cities have barely a million people?",
        'City.objects.filter(population__range=(1_000_000, 2_000_000)).order_by("population", "id")[:5]',
    ),
    Question(
        "Which are the largest cities of the Nordic countries?",
        'City.objects.filter(country__in=["DK", "FI", "IS", "NO", "SE"]).order_by("-population")[:5]',
    ),
    Question("Which cities have these numbers?", 'City.objects.filter(pk__in=[5128581, 1850147, 2643743]).order_by("id")'),
    Question(
        "How many cities are in Japan or keep the time of Paris?",
        'City.objects.filter(Q(country="JP") | Q(timezone="Europe/Paris"))',
        ".count()",
    ),
    Question(
        "Which names begin with San?",
        'City.objects.filter(name__startswith="San ").order_by("name", "id")[:5].values_list("name", "country")',
    ),
    Question(
        "How many people live in India's cities?",
        'City.objects.filter(country="IN")',
        '.aggregate(cities=Count("pk"), people=Sum("population"), mean=Avg("population"))',
    ),
    Question(
        "A thousand people move to each city of Austria.", 'City.objects.filter(country="AT")', '.update(population=F("population") + 1000)'
    ),
    Question("How many live there now?", 'City.objects.filter(country="AT").order_by("-population").values_list("name", "population")[:3]'),
    Question("They move away again.", 'City.objects.filter(country="AT")', '.update(population=F("population") - 1000)'),
)

RESIDUAL = (
    Question(
        "Which cities of Oceania have more than a million people?",
        'City.objects.filter(population__gt=1_000_000, country__continent="OC").order_by("-population", "id")',
    ),
    Question(
        "Which countries have the most cities of half a million people?",
        'City.objects.filter(population__gte=500_000).values_list("country").annotate(n=Count("pk")).order_by("-n", "country")[:5]',
    ),
    Question(
        "Which countries of South America have the most such cities?",
        'Country.objects.filter(continent="SA", city__population__gte=500_000)',
        '.annotate(n=Count("city"), people=Sum("city__population")).order_by("-n", "code").values_list("name", "n", "people")[:5]',
    ),
    Question("How many names of German cities contain 'berg'?", 'City.objects.filter(country="DE", name__icontains="berg")', ".count()"),
    Question(
        "Which capitals of Europe have more than a million people?",
        'City.objects.filter(population__gt=1_000_000, country__continent="EU", name=F("country__capital")).order_by("name", "id")',
    ),
)
