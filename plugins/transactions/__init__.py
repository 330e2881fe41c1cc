"""Transactions: Django's `atomic`, and what Djangae's API adds to it."""

from __future__ import annotations

from .errors import PreventedReadError, SplitTransactionWarning, TransactionFailedError
from .plugin import TransactionsPlugin
from .transaction import Transaction

__all__ = [
    "PreventedReadError",
    "SplitTransactionWarning",
    "Transaction",
    "TransactionFailedError",
    "TransactionsPlugin",
]
