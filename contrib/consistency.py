"""Querysets whose results are right about some instances, where queries may lag behind the writes: on Cloud Datastore.

On the other stores every query sees every commit that returned before it, and these functions change nothing but the cost.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.db.models.query import ModelIterable
from django.db.utils import NotSupportedError

__all__ = ["ensure_instance_consistent", "ensure_instance_included", "ensure_instances_consistent", "ensure_instances_included"]


def ensure_instance_consistent(queryset: Any, pk: Any) -> Any:
    """Return a queryset with the results of another, in which one instance is as it is now.

    It is read by its key, which is always consistent, and then it is in the results if it satisfies their conditions, and only then: at its
    place by `order_by()` if there is one (the ordering of `Meta` does not count), else first. A slice keeps its length.
    """
    return ensure_instances_consistent(queryset, [pk])


def ensure_instances_consistent(queryset: Any, pks: Iterable[Any]) -> Any:
    """Return a queryset with the results of another, in which some instances are as they are now; as `ensure_instance_consistent`."""
    if not issubclass(queryset._iterable_class, ModelIterable) or queryset.query.combinator:
        raise NotSupportedError("Only a queryset of model instances can be made consistent, without values() and union().")
    if queryset.query.low_mark:
        raise NotSupportedError(
            "A queryset with an offset cannot be made consistent: nobody knows what is before it. Slice from the start."
        )
    made = queryset._chain()
    made.__class__ = _consistent(type(queryset))
    made._consistent_pks = [queryset.model._meta.pk.to_python(pk) for pk in pks]
    return made


def ensure_instance_included(queryset: Any, pk: Any) -> Any:
    """Return what `ensure_instance_consistent` returns: its old name, which is deprecated."""
    warnings.warn("ensure_instance_included() is now ensure_instance_consistent().", DeprecationWarning, stacklevel=2)
    return ensure_instance_consistent(queryset, pk)


def ensure_instances_included(queryset: Any, pks: Iterable[Any]) -> Any:
    """Return what `ensure_instances_consistent` returns: its old name, which is deprecated."""
    warnings.warn("ensure_instances_included() is now ensure_instances_consistent().", DeprecationWarning, stacklevel=2)
    return ensure_instances_consistent(queryset, pks)


def _consistent(kind: type[QuerySet[Any]]) -> type[QuerySet[Any]]:
    """Return a subclass of a kind of queryset that looks some instances up when it is evaluated."""
    if issubclass(kind, _Consistent):
        return kind
    return type(f"Consistent{kind.__name__}", (_Consistent, kind), {})


class _Consistent(QuerySet):
    """Looks some instances up besides running its query."""

    _consistent_pks: Sequence[Any] = ()
    _result_cache: list[Any] | None

    def _clone(self) -> Any:
        clone = super()._clone()
        clone._consistent_pks = self._consistent_pks
        return clone

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._result_cache = self._corrected(list(self._iterable_class(self)))
        super()._fetch_all()

    def iterator(self, chunk_size: int | None = None) -> Any:  # noqa: ARG002 - the results have to be known to be corrected
        """Return an iterator over the corrected results."""
        return iter(self._chain())

    def count(self) -> int:
        """Return the number of the corrected results."""
        return len(self)

    def exists(self) -> bool:
        """Tell whether there is any corrected result."""
        return len(self) > 0

    def _corrected(self, found: list[Any]) -> list[Any]:
        gone = set(self._consistent_pks)
        results = [*self._now(), *(instance for instance in found if instance.pk not in gone)]
        for name in reversed(self.query.order_by):
            results.sort(key=_sort_key(self.model, name), reverse=str(name).startswith("-"))
        return results if self.query.high_mark is None else results[: self.query.high_mark]

    def _now(self) -> list[Any]:
        """Return those of the instances that satisfy the conditions, read by their keys."""
        unsliced = QuerySet(self.model, self.query.chain(), self._db, self._hints)
        unsliced.query.clear_limits()
        return list(unsliced.filter(pk__in=self._consistent_pks))


def _sort_key(model: Any, name: Any) -> Any:
    field = str(name).removeprefix("-")
    try:
        attribute = "pk" if field == "pk" else model._meta.get_field(field).attname
    except (FieldDoesNotExist, AttributeError):
        raise NotSupportedError(f"A queryset ordered by {name!r} cannot be made consistent. Order by fields of the model.") from None

    def key(instance: Any) -> tuple[bool, Any]:
        value = getattr(instance, attribute)
        return value is not None, value  # null is the least, as in the store

    return key
