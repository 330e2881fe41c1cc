"""manage.py demo: load the world, ask about it, and show what that took."""

from __future__ import annotations

import os
import secrets
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from kindstore.core.warnings import EmulatedQueryWarning
from kindstore.testing import capture_rpcs

from ...loading import load
from ...questions import NATIVE, RESIDUAL, Question

EMULATOR_VARIABLE = "DATASTORE_EMULATOR_HOST"
SHOWN_RPCS, LONGEST_LINE = 4, 160


class Command(BaseCommand):
    help = "Load the countries and cities of the world, and answer questions about them."
    requires_system_checks = ()  # they would look for a store before its emulator is named

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--driver", choices=tuple(settings.STORES), default=settings.DRIVER, help="the store (default: %(default)s)")
        parser.add_argument("--name", metavar="FILE", help="the file in which the memory store keeps its rows (default: nowhere)")
        parser.add_argument("--limit", type=int, metavar="N", help="load only the N cities with the most people")
        parser.add_argument("--answers", action="store_true", help="print the answers alone, which are the same on every store")
        parser.add_argument("--serve", action="store_true", help="go on as a web server with the admin")
        parser.add_argument("--port", type=int, default=8000, help="the server's port (default: %(default)s)")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["driver"] != settings.DRIVER:
            raise CommandError(f"The settings were read for {settings.DRIVER!r}. Set ATLAS_DRIVER={options['driver']} in the environment.")
        # The plans say what is emulated.
        warnings.simplefilter("ignore", EmulatedQueryWarning)
        with self.store():
            self.fill(options["limit"], quiet=options["answers"])
            self.ask("What the store answers by itself", NATIVE, details=not options["answers"])
            self.ask(
                "What takes SQL: the relational plugin fetches the rows, and SQLite computes", RESIDUAL, details=not options["answers"]
            )
            if options["serve"]:
                self.serve(options["port"])

    def store(self) -> AbstractContextManager[Any]:
        """Start an emulator for Google's stores, unless DATASTORE_EMULATOR_HOST names one."""
        if settings.DRIVER == "memory" or EMULATOR_VARIABLE in os.environ:
            return nullcontext()
        from kindstore.testing.emulator import Emulator

        self.stderr.write(f"Starting Google's {settings.DRIVER} emulator ...")
        emulator = Emulator(settings.DRIVER)
        os.environ[EMULATOR_VARIABLE] = emulator.host
        return emulator

    def fill(self, limit: int | None, *, quiet: bool) -> None:
        """Migrate, load, and say how much there is."""
        call_command("migrate", verbosity=0)
        started = time.perf_counter()
        stored = load(limit=limit, progress=not quiet)
        seconds = time.perf_counter() - started
        if not quiet:
            rows = " and ".join(f"{count:,} {what}" for what, count in stored.items())
            self.stdout.write(f"{settings.DATABASES['default']['ENGINE']} stored {rows} in {seconds:.1f} s.")

    def ask(self, title: str, questions: Sequence[Question], *, details: bool) -> None:
        """Print questions with their answers; with details, also the plan and the RPCs of each."""
        if details:
            self.stdout.write(f"\n{self.style.MIGRATE_HEADING(title)}")
        for question in questions:
            with capture_rpcs() as rpcs:
                answer = question.answer()
            self.stdout.write(f"\n{self.style.MIGRATE_LABEL(question.words)}" if details else question.words)
            self.stdout.write("\n".join(f"    {line}" for line in answer))
            if details:
                self.explain(question, rpcs.texts)

    def explain(self, question: Question, rpcs: Sequence[str]) -> None:
        """Print how a question was answered."""
        self.stdout.write(f"  code  {question.code}")
        for line in question.queryset().explain().splitlines():
            self.detail("plan", line)
        self.detail("RPCs", f"{len(rpcs)}")
        for rpc in rpcs[:SHOWN_RPCS]:
            self.detail("    ", rpc)
        if len(rpcs) > SHOWN_RPCS:
            self.detail("    ", f"... and {len(rpcs) - SHOWN_RPCS} more")

    def detail(self, label: str, text: str) -> None:
        """Print a line that may differ from store to store."""
        shown = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} ..."
        self.stdout.write(f"  {label}  {shown}")

    def serve(self, port: int) -> None:
        """Make a superuser, and run the server in this process, which holds the store."""
        password = secrets.token_urlsafe(9)
        user, _ = get_user_model().objects.get_or_create(username="demo", defaults={"is_staff": True, "is_superuser": True})
        user.set_password(password)
        user.save()
        self.stdout.write(f"\nThe admin is at http://127.0.0.1:{port}/admin/ for the user demo with the password {password}")
        call_command("runserver", f"127.0.0.1:{port}", use_reloader=False)
