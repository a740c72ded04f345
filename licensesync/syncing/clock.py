"""One clock for all machines: the database's. What one of them writes, such as a heartbeat, others compare with now."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def now() -> datetime:
    """The time by the clock of the database. SQLite has ours."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        its_now: datetime = cursor.fetchone()[0]
    return its_now


def shared(moment: datetime) -> datetime:
    """What the clock of this machine calls `moment`, by the clock of the database."""
    return moment + (now() - timezone.now())
