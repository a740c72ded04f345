"""What is forgotten of files and jobs: bytes that nobody needs any more, and old history."""

from collections.abc import Iterable
from datetime import datetime

from licensesync.syncing.models import OPEN_STATES, FileState, LicenseSyncJob, UsageFile


def files_to_empty(*, before: datetime) -> list[UsageFile]:
    """Files from before, whose bytes are still stored and which no open job needs."""
    files = UsageFile.objects.filter(created_at__lt=before).exclude(stored_name="")
    return list(files.exclude(state=FileState.RECOGNISING).exclude(job__state__in=OPEN_STATES).order_by("pk")[:1000])


def empty(file: UsageFile) -> None:
    """Note that the bytes are gone. A question that was never answered ends with them."""
    UsageFile.objects.filter(pk=file.pk, state=FileState.NEEDS_ANSWER).update(state=FileState.DISCARDED)
    UsageFile.objects.filter(pk=file.pk).update(stored_name="")


def stored_names(names: Iterable[str]) -> set[str]:
    """Those of the names under which a file is stored."""
    return set(UsageFile.objects.filter(stored_name__in=list(names)).values_list("stored_name", flat=True))


def open_among(job_ids: Iterable[int]) -> set[int]:
    """Those of the jobs that wait or run."""
    jobs = LicenseSyncJob.objects.filter(pk__in=list(job_ids), state__in=OPEN_STATES)
    return set(jobs.values_list("pk", flat=True))


def forget_history(*, before: datetime) -> None:
    """Delete jobs and files that ended before."""
    LicenseSyncJob.objects.filter(finished_at__lt=before).delete()
    UsageFile.objects.filter(created_at__lt=before, stored_name="").delete()
