"""What an entry of DATABASES may hold."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from kindstore.core.settings import max_query_branches, read_alias


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"NAMESPAC": "x"}, r"unknown key 'NAMESPAC'.*NAMESPACE"),
        ({"HOST": "localhost"}, r"HOST, which an entity store does not have.*DATASTORE_EMULATOR_HOST"),
        ({"NAMESPACE": 5}, r"'NAMESPACE'\] is 5; it must be a string or a function"),
        ({"PROJECT": 5}, r"'PROJECT'\] is 5; it must be a string"),
        ({"OPTIONS": ["x"]}, r"'OPTIONS'\] is \['x'\]; it must be a dictionary"),
        ({"OPTIONS": {"driver": "x"}}, r"'driver'\] is 'x'; it must be a dictionary"),
        ({"OPTIONS": {"ids": "odd"}}, r"'ids'\] is 'odd'; choose one of 'random', 'sequential'"),
        ({"PLUGINS": "relational"}, r"'PLUGINS'\] is 'relational'; it must be a list"),
    ],
)
def test_a_wrong_entry_is_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        read_alias("default", entry)


def test_what_django_fills_in_is_accepted() -> None:
    assert read_alias("default", {"ENGINE": "x", "HOST": "", "PORT": "", "USER": "", "PASSWORD": "", "TEST": {}}).namespace == ""


def test_a_namespace_may_be_a_function() -> None:
    assert callable(read_alias("default", {"NAMESPACE": lambda: "tenant"}).namespace)


@pytest.mark.parametrize("bound", ["x", 0, 1.5, True])
def test_the_bound_on_branches_is_a_whole_number(settings: Any, bound: Any) -> None:
    settings.DJANGAE_MAX_QUERY_BRANCHES = bound
    with pytest.raises(ImproperlyConfigured, match="DJANGAE_MAX_QUERY_BRANCHES is"):
        max_query_branches()
