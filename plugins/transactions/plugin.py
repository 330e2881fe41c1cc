"""The plugin and its options."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from ...core.plugins import hookimpl
from .manager import Manager


class TransactionsPlugin:
    """Makes Django's `atomic` a transaction.

    `allow_split` lets a block that is too big for one commit of the store be committed in parts, with a warning (default: an error).
    """

    position = 10

    def __init__(self, allow_split: bool = False) -> None:
        if not isinstance(allow_split, bool):
            raise ImproperlyConfigured(
                f"The option 'allow_split' of the plugin 'transactions' is {allow_split!r}; it must be True or False."
            )
        self.allow_split = allow_split

    @hookimpl
    def transaction_manager(self) -> Manager:
        return Manager(self.allow_split)
