"""GitHub's own count beside ours, before anybody asks for it."""

from django.db import connection

from licensesync.enterprises.models import Enterprise
from licensesync.licenses import comparison
from licensesync.syncing.queries import open_jobs
from licensesync.usage import bulk


def compare(enterprise_id: int) -> None:
    """Compare the last count. While jobs wait or run, the next count is near: its end asks again."""
    enterprise = Enterprise.objects.filter(pk=enterprise_id).first()
    if enterprise is None or open_jobs(enterprise).exists():
        return
    bulk.prepare_session()
    try:
        comparison.compare(enterprise)
    finally:
        connection.close()  # with what was prepared
