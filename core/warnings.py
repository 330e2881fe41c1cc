"""The warnings that this package issues, for users to filter."""

from __future__ import annotations


class EmulatedQueryWarning(RuntimeWarning):
    """The store could not answer a query by itself: rows were fetched and the query ran over them in this process."""


class NoTransactionsWarning(RuntimeWarning):
    """`atomic` was opened on an alias that has no plugin for transactions, where it does not roll back."""
