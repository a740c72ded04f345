"""`manage.py rotate_keys`: seal what is stored with the first encryption key, so that older ones can go."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connection

from licensesync.config.management.enterprise import refuse_tables_of_newer_version
from licensesync.enterprises import connections
from licensesync.errors import ExpectedError


class Command(BaseCommand):
    help = "Seal the tokens of all connections with the first key of LICENSESYNC_ENCRYPTION_KEYS."
    requires_system_checks: list[str] = []  # which load every page and the whole API

    def handle(self, *_: Any, **__: Any) -> None:
        refuse_tables_of_newer_version(connection)
        if len(settings.ENCRYPTION_KEYS) == 1:
            # A shell without the variables of the processes: all would be sealed with the old key, and nobody told.
            raise CommandError(
                "Only one key is known here, so there is none to leave. Nothing was changed. Set "
                "LICENSESYNC_ENCRYPTION_KEYS=NEW,OLD for this command as well."
            )
        try:
            number = connections.reseal_all()
        except ExpectedError as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        self.stdout.write(f"The secrets of {number} connections are sealed with the first key.")
