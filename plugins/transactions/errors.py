"""What goes wrong with transactions, as errors and warnings."""

from __future__ import annotations

from django.db.utils import IntegrityError, OperationalError


class TransactionFailedError(OperationalError):
    """The transaction failed because of somebody else's commit, or there is none where one is mandatory. Nothing was written."""


class CommitConflictError(TransactionFailedError, IntegrityError):
    """Somebody else took a unique value or a primary key between the statement and the commit. Run again, the statement itself meets it."""


class PreventedReadError(ValueError):
    """The transaction has promised not to read this row any more."""


class SplitTransactionWarning(RuntimeWarning):
    """A block writes more than the store commits at once, so it is committed in parts: each is atomic, they together are not."""
