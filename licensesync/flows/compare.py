"""GitHub's own count beside ours, before anybody asks for it."""

import threading

from django.db import connection

from licensesync.enterprises.models import Enterprise
from licensesync.licenses import comparison
from licensesync.syncing.queries import open_jobs
from licensesync.usage import bulk

# A million licenses are compared in less than a minute. A plan that goes wrong must not keep everybody else waiting.
LONGEST_STATEMENT = 10 * 60  # seconds

_one = threading.Lock()


def compare(enterprise_id: int, *, somebody_waits: bool) -> None:
    """Compare the last count. While jobs wait or run, the next count is near and its end asks again: then only for
    somebody who waits.

    One at a time: the other threads are for what is short. Whoever is left out is compared when somebody asks.
    """
    enterprise = Enterprise.objects.filter(pk=enterprise_id).first()
    if enterprise is None or (open_jobs(enterprise).exists() and not somebody_waits):
        return
    if not _one.acquire(blocking=False):
        return
    try:
        bulk.prepare_session()
        bulk.end_statements_after(LONGEST_STATEMENT)
        comparison.compare(enterprise)
    finally:
        connection.close()  # with what was prepared
        _one.release()
