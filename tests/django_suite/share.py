"""The modules that CI runs for every change, on memory: they cover much, and take about three minutes on two cores."""

from __future__ import annotations

SHARE = (
    "aggregation",
    "aggregation_regress",
    "annotations",
    "basic",
    "bulk_create",
    "constraints",
    "defer",
    "delete",
    "expressions",
    "expressions_case",
    "foreign_object",
    "generic_relations",
    "get_or_create",
    "lookup",
    "many_to_many",
    "migrations",
    "model_fields",
    "model_inheritance",
    "ordering",
    "prefetch_related",
    "queries",
    "raw_query",
    "schema",
    "select_related",
    "transactions",
    "update",
)
