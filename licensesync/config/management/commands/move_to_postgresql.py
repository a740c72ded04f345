"""`manage.py move_to_postgresql URL`: take everything along from the embedded database."""

from typing import Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import DatabaseError, connection

from licensesync.config import environment
from licensesync.config.database import postgresql
from licensesync.config.in_use import InUseError, alone, close_for_others
from licensesync.config.keeping import DATABASE
from licensesync.config.management.embedded import embedded_only
from licensesync.config.moving import MoveError, move


class Command(BaseCommand):
    help = "Copy the embedded database into an empty PostgreSQL, and count the rows there. LicenseSync must not run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", metavar="URL", help="as in DATABASE_URL; the password may be in DATABASE_PASSWORD")

    def handle(self, *_: Any, url: str, **__: Any) -> None:
        embedded_only("Leave it out, and name the new database behind the command.")
        database = settings.DATA_DIR / DATABASE
        if not database.exists():
            raise CommandError(f"There is no database in {settings.DATA_DIR}.")
        try:
            target = postgresql(url, password=environment.text("DATABASE_PASSWORD"))
            with alone(settings.DATA_DIR):
                call_command("migrate", interactive=False, verbosity=0)  # to the tables that the new one will have
                connection.close()
                close_for_others(database)
                total = 0
                for table, rows in move(database, target):
                    total += rows
                    self.stdout.write(f"{table}: {rows}")
        except ImproperlyConfigured as error:
            raise CommandError(str(error).replace("DATABASE_URL", "URL")) from None
        except (MoveError, InUseError, DatabaseError, psycopg.Error) as error:
            says = " ".join(str(error).split()).removesuffix(".")
            raise CommandError(f"{says}. Nothing was moved.") from None
        self.stdout.write(
            f"{total} rows are in both. Set DATABASE_URL to go on with PostgreSQL, on the same data directory: "
            "the keys and the usage files stay there."
        )
