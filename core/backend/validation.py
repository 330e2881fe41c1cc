"""Checks of model fields against what the store can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.db.backends.base.validation import BaseDatabaseValidation

from ..mapping.types import KEY_TYPES


class DatabaseValidation(BaseDatabaseValidation):
    def check_field(self, field: Any, **_kwargs: Any) -> list[checks.CheckMessage]:
        """Return what is wrong with a field on this alias."""
        return list(self._check_key(field))

    def _check_key(self, field: Any) -> Iterator[checks.CheckMessage]:
        column_type = field.db_type(self.connection) if field.primary_key else None
        if column_type is not None and column_type not in KEY_TYPES:
            yield checks.Error(
                f"{type(field).__name__} cannot be a primary key on this database: the store names entities by integers and strings only.",
                hint="Use an integer, a CharField, a UUIDField or a DecimalField.",
                obj=field,
                id="kindstore.E010",
            )
