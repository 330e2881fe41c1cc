"""manage.py kindstore_emulator: run one of Google's emulators in the foreground."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ....testing.emulator import Emulator, EmulatorError


class Command(BaseCommand):
    help = "Runs the emulator of Cloud Datastore or of Firestore in Datastore mode until it is interrupted. It keeps nothing on disk."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django declares it so

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", nargs="?", choices=("datastore", "firestore"), default="firestore")
        parser.add_argument("--port", type=int, help="The port to listen on; a free one by default.")
        parser.add_argument(
            "--consistency",
            type=float,
            default=1.0,
            help="datastore only: the probability, 0.0 to 1.0, that a query sees a pending write.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            emulator = Emulator(options["kind"], port=options["port"], consistency=options["consistency"], quiet=options["verbosity"] < 2)
            with emulator:
                self.stdout.write(f"export DATASTORE_EMULATOR_HOST={emulator.host}")
                self.stdout.flush()
                code = emulator.wait()
        except EmulatorError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            return
        raise CommandError(f"The emulator ended by itself, with exit code {code}.")
