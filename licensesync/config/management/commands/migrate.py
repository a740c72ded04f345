"""`manage.py migrate`, Django's own, by one machine at a time and without holding up those who use the tables."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import LockNotAvailable

from licensesync.config.in_use import one_at_a_time
from licensesync.config.management.enterprise import refuse_tables_of_newer_version

LOCK = 0x6C73796E63  # our number among PostgreSQL's advisory locks
# Whoever waits for a whole table makes everybody else wait behind it: so not for long, but again.
TABLE_SECONDS = 5
TRIES = 60


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        with turn_to_migrate(connection):
            refuse_tables_of_newer_version(connection)
            for tries_left in reversed(range(TRIES)):
                try:
                    super().handle(*args, **options)  # goes on where it was held up
                    return
                except OperationalError as error:
                    if not isinstance(error.__cause__, LockNotAvailable) or not tries_left:
                        raise
                    time.sleep(1)


@contextlib.contextmanager
def turn_to_migrate(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Wait until no other machine migrates this database."""
    if connection.vendor != "postgresql":
        with one_at_a_time(settings.DATA_DIR, "migrating"):
            yield
        return
    # A session of its own: the lock is held until it ends, whatever becomes of the one that migrates.
    with contextlib.closing(connection.copy()) as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        # Asked again and again: a statement that waits would hold up CREATE INDEX CONCURRENTLY, and that the statement.
        while not cursor.fetchone()[0]:
            time.sleep(0.5)
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        with connection.cursor() as ours:
            ours.execute("SELECT set_config('lock_timeout', %s, false)", [f"{TABLE_SECONDS}s"])
        yield
        with connection.cursor() as ours:
            ours.execute("RESET lock_timeout")
