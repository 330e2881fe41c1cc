"""Values that a query selects: what the database would give back for them."""

from __future__ import annotations

import uuid
from typing import Any


def constant(expression: Any, connection: Any) -> Any:
    """Return what a selected `Value` reads as. An output field converts it both ways; Django's error for a value without a type."""
    value = expression.value
    if type(value) in (bool, int, str) and "output_field" not in expression.__dict__:
        return value
    field = expression.output_field
    if value is not None:
        value = field.get_db_prep_value(value, connection)
        if field.db_type(connection) == "uuid":
            value = uuid.UUID(value)
    for convert in field.get_db_converters(connection):
        value = convert(value, expression, connection)
    return value
