"""`manage.py restore FILE`: bring back what `backup` has kept."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from licensesync.config.in_use import InUseError
from licensesync.config.keeping import KeepingError, restore
from licensesync.config.management.embedded import cleared_away_when_terminated, embedded_only


class Command(BaseCommand):
    help = "Put a backup in the place of the database, its keys and its usage files. LicenseSync must not run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace the database that is there")

    def handle(self, *_: Any, file: Path, force: bool, **__: Any) -> None:
        embedded_only("Restore PostgreSQL with pg_restore, as docs/operations.md says.")
        try:
            with cleared_away_when_terminated():
                kept = restore(file, data_dir=settings.DATA_DIR, force=force)
        except (KeepingError, InUseError) as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        self.stdout.write(f"Restored what version {kept.version} kept at {kept.made_at}. Start it: manage.py up")
