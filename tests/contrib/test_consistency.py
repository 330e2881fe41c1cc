"""CON-01 and CON-02: rows that a query missed, or gives as they were, are looked up and put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.db.utils import NotSupportedError
from records.models import Record

from kindstore.contrib.consistency import ensure_instance_consistent, ensure_instance_included, ensure_instances_consistent
from kindstore.core.datamodel import ENTITY, Column, Mutation, Query, Shape, Type, Verb
from kindstore.drivers.memory.driver import MemoryDriver
from kindstore.testing import capture_rpcs

WHOLE = Shape((Column(ENTITY, Type.ENTITY),))


@pytest.fixture(autouse=True)
def namespace(own_store: Any) -> Iterator[None]:
    with own_store("consistency"):
        Record.objects.bulk_create(Record(id=ident, name=f"row {ident}", n=ident) for ident in range(1, 6))
        yield


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after whose call queries see nothing that is written, while lookups do."""

    def freeze() -> None:
        store, copy = connection.session.store, MemoryDriver(f":memory:{uuid4().hex}")
        pages = store.run_query(Query(None, connection.session.namespace()), WHOLE)
        copy.commit([Mutation(Verb.UPSERT, entity.key, entity) for page in pages for (entity,) in page.rows])
        monkeypatch.setattr(store, "run_query", lambda query, shape, _options: copy.run_query(query, shape))

    return freeze


def names(queryset: Any) -> list[str]:
    return [row.name for row in queryset]


def test_an_instance_that_the_query_misses_is_first(stale: Callable[[], None]) -> None:
    stale()
    new = Record.objects.create(pk=9, name="new", n=9)
    assert names(Record.objects.all())[0] == "row 1"
    assert names(ensure_instance_consistent(Record.objects.all(), new.pk)) == ["new", *(f"row {ident}" for ident in range(1, 6))]


def test_an_instance_has_its_place_in_an_explicit_order(stale: Callable[[], None]) -> None:
    stale()
    Record.objects.create(pk=9, name="new", n=3)
    shown = ensure_instance_consistent(Record.objects.order_by("n", "-pk"), 9)
    assert names(shown) == ["row 1", "row 2", "new", "row 3", "row 4", "row 5"]


def test_an_instance_that_no_longer_matches_is_gone(stale: Callable[[], None]) -> None:
    stale()
    Record.objects.filter(pk__in=[3]).update(n=0)
    assert names(ensure_instance_consistent(Record.objects.filter(n__gt=2).order_by("n"), 3)) == ["row 4", "row 5"]


def test_an_instance_that_was_changed_is_as_it_is_now(stale: Callable[[], None]) -> None:
    stale()
    Record.objects.filter(pk__in=[3]).update(name="changed")
    assert names(ensure_instance_consistent(Record.objects.filter(n__gt=2).order_by("n"), 3)) == ["changed", "row 4", "row 5"]


def test_a_slice_keeps_its_length(stale: Callable[[], None]) -> None:
    stale()
    Record.objects.create(pk=9, name="new", n=0)
    shown = ensure_instance_consistent(Record.objects.order_by("n")[:3], 9)
    assert names(shown) == ["new", "row 1", "row 2"]
    assert (shown.count(), shown.exists(), len(list(shown.iterator()))) == (3, True, 3)


def test_several_instances_are_looked_up_together(stale: Callable[[], None]) -> None:
    stale()
    Record.objects.filter(pk__in=[1]).delete()
    Record.objects.create(pk=9, name="new", n=9)
    assert names(ensure_instances_consistent(Record.objects.order_by("-n"), [1, 9])) == ["new", "row 5", "row 4", "row 3", "row 2"]


def test_it_costs_one_lookup_more() -> None:
    with capture_rpcs() as rpcs:
        list(ensure_instances_consistent(Record.objects.order_by("n"), [1, 2, 99]))
    assert sorted(rpcs.methods) == ["Lookup", "RunQuery"]


def test_conditions_that_are_added_later_hold_for_it_too() -> None:
    shown = ensure_instance_consistent(Record.objects.all(), 1).filter(n__gt=3).order_by("n")
    assert names(shown) == ["row 4", "row 5"]


@pytest.mark.parametrize("queryset", [lambda: Record.objects.values("n"), lambda: Record.objects.all()[2:]], ids=["values", "an offset"])
def test_what_cannot_be_corrected_is_refused(queryset: Callable[[], Any]) -> None:
    with pytest.raises(NotSupportedError, match="made consistent"):
        ensure_instance_consistent(queryset(), 1)


def test_an_order_by_an_expression_is_refused() -> None:
    with pytest.raises(NotSupportedError, match="Order by fields"):
        ensure_instance_consistent(Record.objects.order_by(F("n").desc()), 1)._corrected([])


def test_the_old_name_is_deprecated() -> None:
    with pytest.warns(DeprecationWarning, match="ensure_instance_consistent"):
        assert names(ensure_instance_included(Record.objects.order_by("n")[:1], 1)) == ["row 1"]
