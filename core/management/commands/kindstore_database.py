"""manage.py kindstore_database: describe or create the database of an alias, where its driver can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import DatabaseError


class Command(BaseCommand):
    help = "Describes or creates the store's database that an alias of DATABASES names."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django declares it so

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=("describe", "create"))
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help='The alias in DATABASES; "default" by default.')
        parser.add_argument("--location", help='create: the region or multi-region, such as "eur3". It cannot be changed later.')
        parser.add_argument("--delete-protection", action="store_true", help="create: refuse to delete the database.")
        parser.add_argument("--point-in-time-recovery", action="store_true", help="create: keep seven days of versions.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            admin = administration(options["database"])
            if options["action"] == "describe":
                self.show(admin.describe())
            else:
                self.create(admin, options)
        except DatabaseError as error:
            raise CommandError(str(error)) from error

    def create(self, admin: Any, options: Mapping[str, Any]) -> None:
        if not options["location"]:
            raise CommandError("`create` needs --location, the region or multi-region of the database; it cannot be changed later.")
        self.show(
            admin.create(
                options["location"],
                delete_protection=options["delete_protection"],
                point_in_time_recovery=options["point_in_time_recovery"],
                progress=self.stderr.write,
            )
        )

    def show(self, description: Mapping[str, str]) -> None:
        width = max(map(len, description))
        for name, value in description.items():
            self.stdout.write(f"{name:<{width}}  {value}")


def administration(alias: str) -> Any:
    """Return what the alias's driver administers its database with."""
    connection = connections[alias]
    administer = getattr(connection.kindstore.driver, "admin", None) if hasattr(connection, "kindstore") else None
    if administer is None:
        raise CommandError(
            f"The store of DATABASES[{alias!r}] has nothing to describe or create: its ENGINE is {connection.settings_dict['ENGINE']!r}. "
            "Name another alias with --database; Firestore's ENGINE is 'kindstore.drivers.firestore_datastore_mode'."
        )
    return administer()
