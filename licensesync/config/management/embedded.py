"""What concerns the embedded database alone."""

from django.core.management import CommandError
from django.db import connection


def embedded_only(otherwise: str) -> None:
    """End the command with a sentence where DATABASE_URL names another database."""
    if connection.vendor != "sqlite":
        raise CommandError(f"This is for the embedded database, but DATABASE_URL is set. {otherwise}")
