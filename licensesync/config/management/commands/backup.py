"""`manage.py backup FILE`: keep the embedded database with its keys, while LicenseSync runs."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from licensesync.config.keeping import ENCRYPTION_KEY, SECRET_KEY, KeepingError, back_up
from licensesync.config.management.embedded import cleared_away_when_terminated, embedded_only


class Command(BaseCommand):
    help = "Write the database, its keys and the usage files that are still needed into one archive (tar)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace FILE if it is there")

    def handle(self, *_: Any, file: Path, force: bool, **__: Any) -> None:
        embedded_only("Back up PostgreSQL with pg_dump, as docs/operations.md says.")
        try:
            with cleared_away_when_terminated():
                kept = back_up(file, data_dir=settings.DATA_DIR, force=force)
        except KeepingError as error:
            raise CommandError(str(error)) from None
        size = filesizeformat(file.stat().st_size).replace("\xa0", " ")
        self.stdout.write(f"{file}: {size}, with {kept.usage_files} usage files. Whoever reads it, reads everything.")
        for name, variable in (
            (SECRET_KEY, "LICENSESYNC_SECRET_KEY"),
            (ENCRYPTION_KEY, "LICENSESYNC_ENCRYPTION_KEYS"),
        ):
            if name not in kept.files:
                self.stdout.write(f"{variable} comes from the environment and is not in it: keep that too.")
