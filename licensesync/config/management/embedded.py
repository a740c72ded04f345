"""What concerns the embedded database alone."""

import contextlib
import signal
import sys
from collections.abc import Iterator

from django.core.management import CommandError
from django.db import connection


def embedded_only(otherwise: str) -> None:
    """End the command with a sentence where DATABASE_URL names another database."""
    if connection.vendor != "sqlite":
        raise CommandError(f"This is for the embedded database, but DATABASE_URL is set. {otherwise}")


@contextlib.contextmanager
def cleared_away_when_terminated() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that no half-made copy of the database is left behind."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
