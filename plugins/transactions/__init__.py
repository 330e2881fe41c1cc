"""Transactions: Django's `atomic` is one, and Djangae's API says more about it."""

from __future__ import annotations

from .atomic import atomic, commit_locked, commit_on_success, current_transaction, in_atomic_block, non_atomic
from .errors import CommitConflictError, PreventedReadError, SplitTransactionWarning, TransactionFailedError
from .plugin import TransactionsPlugin
from .transaction import Transaction

__all__ = [
    "CommitConflictError",
    "PreventedReadError",
    "SplitTransactionWarning",
    "Transaction",
    "TransactionFailedError",
    "TransactionsPlugin",
    "atomic",
    "commit_locked",
    "commit_on_success",
    "current_transaction",
    "in_atomic_block",
    "non_atomic",
]
