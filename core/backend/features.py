"""What this backend can do, as Django's flags: each is set by what works.

What is shaped by SQL itself is what the residual engine's SQLite can do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.features import BaseDatabaseFeatures

from ..settings import constraint_checks_disabled


class flag:  # noqa: N801 - used as property is
    """A flag that is asked for at each use, and may be replaced on an instance, as tests do."""

    def __init__(self, ask: Callable[[Any], bool]) -> None:
        self._ask = ask
        self.__doc__ = ask.__doc__

    def __get__(self, features: Any, owner: type) -> Any:
        return self if features is None else self._ask(features)


class DatabaseFeatures(BaseDatabaseFeatures):
    # The store
    supports_unspecified_pk = False
    supports_foreign_keys = False
    can_create_inline_fk = False
    indexes_foreign_keys = True
    supports_tablespaces = False
    supports_sequence_reset = False
    supports_timezones = False
    has_native_uuid_field = False
    has_native_duration_field = False
    has_native_json_field = False
    can_rollback_ddl = False
    supports_combined_alters = False
    can_rename_index = True
    order_by_nulls_first = True
    supports_order_by_nulls_modifier = True
    ignores_table_name_case = False
    connection_persists_old_columns = False
    can_clone_databases = True
    test_db_allows_multiple_connections = True
    # Writing
    can_return_columns_from_insert = True
    can_return_rows_from_bulk_insert = True
    can_return_rows_from_update = False
    has_bulk_insert = True
    supports_default_keyword_in_insert = False
    supports_default_keyword_in_bulk_insert = False
    # Constraints: none is enforced by the store; those that a plugin may keep are at the end
    can_introspect_check_constraints = True
    can_introspect_foreign_keys = False
    can_introspect_default = True
    supports_on_delete_db_cascade = False
    supports_on_delete_db_default = False
    supports_on_delete_db_null = False
    supports_no_precision_decimalfield = True
    supports_inspectdb = True
    supports_index_column_ordering = True
    can_defer_constraint_checks = False
    # SQL, by the residual engine
    can_use_chunked_reads = True
    supports_aggregate_filter_clause = True
    supports_over_clause = True
    supports_frame_range_fixed_distance = True
    supports_frame_exclusion = True
    supports_parentheses_in_compound = False
    supports_json_field_contains = False
    supports_tuple_lookups = False
    has_case_insensitive_like = False
    time_cast_precision = 3
    supports_cast_with_precision = False
    test_collations = {"ci": "nocase", "cs": "binary", "non_default": "nocase", "virtual": "nocase"}  # noqa: RUF012 - Django's name and form
    supports_temporal_subtraction = True
    can_distinct_on_fields = False
    supports_comments = True
    supported_explain_formats = frozenset(("TEXT",))

    @flag
    def supports_transactions(self) -> bool:
        """Whether `atomic` is a transaction: a plugin's doing."""
        session = self.connection.connection
        return (self.connection.plugins.transaction_manager() if session is None else session.transactions) is not None

    @flag
    def computes(self) -> bool:
        """Whether expressions are computed: a plugin's doing."""
        return self.connection.engine is not None

    supports_expression_defaults = supports_stored_generated_columns = supports_virtual_generated_columns = computes

    @flag
    def keeps_checks(self) -> bool:
        """Whether rows are checked: a plugin's doing."""
        return self.connection.kindstore.check_keeper is not None

    supports_column_check_constraints = supports_table_check_constraints = keeps_checks

    @flag
    def has_select_for_update(self) -> bool:
        return self.supports_transactions

    @flag
    def atomic_transactions(self) -> bool:
        return self.supports_transactions

    @flag
    def uses_savepoints(self) -> bool:
        return self.supports_transactions

    @flag
    def keeps_unique(self) -> bool:
        """Whether values are kept unique: a plugin's doing."""
        return self.connection.kindstore.unique_keeper is not None

    supports_update_conflicts = supports_update_conflicts_with_target = keeps_unique
    supports_deferrable_unique_constraints = supports_nulls_distinct_unique_constraints = keeps_unique
    supports_partial_indexes = supports_functions_in_partial_indexes = keeps_unique
    supports_covering_indexes = supports_expression_indexes = keeps_unique

    @flag
    def supports_ignore_conflicts(self) -> bool:
        """Whether a row that is there already can be passed over, on which many-to-many relations rely: where none opts out by default."""
        return self.keeps_unique and not constraint_checks_disabled()
