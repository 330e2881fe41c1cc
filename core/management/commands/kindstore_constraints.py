"""manage.py kindstore_constraints: compare the rows of models with the markers of their unique values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.db.utils import DatabaseError

from ...datamodel import Aggregation, Query
from ...mapping.columns import unquoted
from ...optouts import keeps_constraints
from ...roles import UniqueKeeper
from ...uniqueness import Action, Audit

FOUND, FAILED = 1, 2  # exit statuses: something is left to be put right; it cannot be told
BAR = 24  # characters


class Command(BaseCommand):
    help = (
        "Checks, repairs or cleans the markers that keep the unique values of models, in the current namespace of an alias. "
        f"The exit status is 0 where nothing is left to be put right, {FOUND} where something is, {FAILED} after an error."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django declares it so

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=[action.value for action in Action])
        parser.add_argument("models", nargs="*", metavar="app.Model", help="The models; all of the database by default.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help='The alias in DATABASES; "default" by default.')
        parser.add_argument("--restart", action="store_true", help="Start over, where an earlier run was interrupted.")
        parser.add_argument("--lines", type=int, default=100, help="How many findings are listed at most; 100 by default.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        connection, action = connections[options["database"]], Action(options["action"])
        keeper = keeper_of(connection)
        self.verbosity, self.lines = options["verbosity"], options["lines"]
        try:
            audits = self.audits(keeper, connection, action, options["models"], restart=options["restart"])
            remaining = sum(self.follow(audit, action, total) for audit, total in audits)
        except DatabaseError as error:
            raise CommandError(str(error), returncode=FAILED) from error
        if remaining:
            raise CommandError(_advice(action, remaining), returncode=FOUND)

    def audits(
        self, keeper: UniqueKeeper, connection: Any, action: Action, labels: Iterable[str], *, restart: bool
    ) -> Iterator[tuple[Iterator[Audit], int | None]]:
        """Yield the audits of the models, and how many rows each has, if that is easily told; at last that of all other tables."""
        on_database = [model for model in _models() if router.allow_migrate_model(connection.alias, model)]
        named = [_named(label, connection.alias, on_database) for label in labels]
        for model in named or on_database:
            if not keeps_constraints(model):
                self.say(f"{model._meta.label} is skipped: it opts out of constraints.")
            else:
                yield keeper.audit(connection, model, action, restart=restart), self.total(connection, model)
        if not named:
            yield keeper.audit_strays(connection, [_table(model) for model in on_database], action), None

    def follow(self, audits: Iterator[Audit], action: Action, total: int | None) -> int:
        """Run an audit, and tell of it; return how much is left to be put right."""
        audit = Audit("")
        for audit in audits:
            if audit.resumed:
                self.say(f"{audit.subject} goes on where it was interrupted; --restart starts over.")
                audit.resumed = False
            self.progress("")
            self.list(audit.lines)
            if not audit.finished:
                self.progress(_bar(audit, total))
        if audit.rows or audit.markers or self.verbosity > 1:
            self.say(_summary(audit, action))
        return audit.remaining

    def list(self, lines: Sequence[str]) -> None:
        """Write findings, as many as are wanted altogether."""
        for line in lines[: self.lines]:
            self.say(f"  {line}")
        if len(lines) > self.lines > 0:
            self.say("  ... and more, which only --lines lists.")
        self.lines = max(self.lines - len(lines), 0)

    def say(self, text: str) -> None:
        if self.verbosity > 0:
            self.stdout.write(text)

    def progress(self, text: str) -> None:
        """Put a text in the place of the last one, where somebody watches."""
        if self.verbosity > 0 and self.stderr.isatty():
            self.stderr.write(f"\r\033[K{text}", style_func=str, ending="")
            self.stderr.flush()

    def total(self, connection: Any, model: Any) -> int | None:
        """Return how many rows there are, for somebody who watches, if the store counts them."""
        session = connection.session
        if not self.verbosity or not self.stderr.isatty() or "count" not in session.capabilities.aggregations:
            return None
        (count,) = session.aggregate(Query(_table(model), session.namespace()), [Aggregation("count")])
        return int(count)


def keeper_of(connection: Any) -> UniqueKeeper:
    """Return what keeps an alias's values unique, or raise CommandError."""
    alias = getattr(connection, "kindstore", None)
    if alias is None or alias.unique_keeper is None:
        reason = "is no store of kindstore" if alias is None else "has no plugin that keeps values unique"
        raise CommandError(
            f"DATABASES[{connection.alias!r}] {reason}. Name another alias with --database, or add 'constraints' to its PLUGINS.",
            returncode=FAILED,
        )
    keeper: UniqueKeeper = alias.unique_keeper
    return keeper


def _models() -> list[Any]:
    """Return the models that have a table, those of many-to-many fields too."""
    return [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]


def _named(label: str, alias: str, on_database: Sequence[Any]) -> Any:
    try:
        model = apps.get_model(label)._meta.concrete_model
    except (LookupError, ValueError) as error:
        raise CommandError(f"There is no model {label!r}: {error}. Name it as app.Model.", returncode=FAILED) from None
    if model not in on_database:
        raise CommandError(
            f"{model._meta.label} is not on the database {alias!r}: a router keeps it elsewhere. Name another with --database.",
            returncode=FAILED,
        )
    return model


def _table(model: Any) -> str:
    return unquoted(model._meta.db_table)


def _bar(audit: Audit, total: int | None) -> str:
    done = f"{audit.subject}: {audit.rows:,} rows, {audit.markers:,} markers"
    if not total:
        return done
    filled = min(BAR * audit.rows // total, BAR)
    return f"{done} [{'#' * filled}{'.' * (BAR - filled)}]"


def _summary(audit: Audit, action: Action) -> str:
    """Return what was found, and what became of it."""
    done = f"{audit.subject}: {audit.rows:,} rows, {audit.markers:,} markers"
    if action is Action.CLEAN:
        done = f"{audit.subject}: {audit.markers:,} markers"
    settled = ", ".join(f"{count:,} {fault}" for fault, count in sorted(audit.settled.items()))
    left = ", ".join(f"{count:,} {fault}" for fault, count in sorted((audit.found - audit.settled).items()))
    parts = [f"put right: {settled}" if settled else "", f"found: {left}" if left else ""]
    return f"{done}; {'; '.join(filter(None, parts)) or 'nothing is wrong'}."


def _advice(action: Action, remaining: int) -> str:
    found = f"{remaining:,} fault{'s' if remaining > 1 else ''} found"
    if action is Action.CHECK:
        return f"{found}. `repair` puts right all but duplicates; of these change or delete all rows but one, then run it again."
    return f"{found} that only a change of the rows puts right: change or delete all but one of each duplicate, then run `repair` again."
