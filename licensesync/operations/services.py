"""The only writer of who was seen at work."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings

from licensesync.operations.models import Seen
from licensesync.syncing import clock

SCHEDULER = "scheduler"  # seen by its work: the sweep that it has sent was done
FORGET_AFTER = timedelta(days=1)


def note_seen(name: str, *, queues: Iterable[str] = (), just_started: bool = False) -> None:
    """Note that a worker, or the scheduler, is alive."""
    now = clock.now()
    changes = {"seen_at": now, "queues": ",".join(queues), "version": settings.VERSION}
    if just_started:
        changes["started_at"] = now
    Seen.objects.update_or_create(name=name, defaults=changes)
    # By whoever is there: no worker may start for months, and one that was killed does not come back for its row.
    Seen.objects.filter(seen_at__lt=now - FORGET_AFTER).delete()


def note_gone(name: str) -> None:
    """Note that a worker has stopped in order."""
    Seen.objects.filter(name=name).delete()
