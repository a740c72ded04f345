"""Which waiting job is next. Asked when a worker is free, so it is always decided by how things are then."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count as CountRows
from django.db.models import Max, Q

from licensesync.licenses.models import Count
from licensesync.syncing import clock
from licensesync.syncing.models import UNATTENDED, JobKind, JobState, LicenseSyncJob, Phase

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DueJob:
    id: int
    is_unattended: bool


def due_jobs() -> list[DueJob]:
    """The waiting jobs that can start now, in the order in which they should.

    Those behind which a person waits come first. Then enterprises take turns, so that one with many or slow jobs does
    not hold up the others: first the one with the fewest jobs at work, then the one that was served longest ago.
    Left out are jobs that could only wait, because their enterprise is being counted.
    """
    now = clock.now()
    due = list(
        LicenseSyncJob.objects.filter(state=JobState.PENDING, not_before__lte=now).values_list(
            "pk", "kind", "phase", "trigger", "deployment__enterprise_id"
        )
    )
    counted = _enterprises_being_counted()
    started_lately = LicenseSyncJob.objects.filter(
        deployment__enterprise__in={enterprise for *_, enterprise in due}, started_at__gte=now - timedelta(days=1)
    )
    served = {
        enterprise: (busy, last)
        for enterprise, busy, last in started_lately.values_list("deployment__enterprise_id").annotate(
            busy=CountRows("pk", filter=Q(state=JobState.RUNNING)), last=Max("started_at")
        )
    }
    in_order = sorted(
        (trigger in UNATTENDED, *served.get(enterprise, (0, LONG_AGO)), pk)
        for pk, kind, phase, trigger, enterprise in due
        if enterprise not in counted or (kind == JobKind.SYNC and phase != Phase.WAITING_FOR_COUNT)
    )
    return [DueJob(pk, is_unattended) for is_unattended, _busy, _last, pk in in_order]


def _enterprises_being_counted() -> set[int]:
    """A turn whose owner is no longer at work is none: whoever comes next takes it over."""
    at_work = LicenseSyncJob.objects.filter(state=JobState.RUNNING).values("claim_token")
    counts = Count.objects.filter(finished_at__isnull=True, owner__in=at_work)
    return set(counts.values_list("enterprise_id", flat=True))


def is_unattended(job_id: int) -> bool:
    """Whether nobody waits for this job."""
    return LicenseSyncJob.objects.filter(pk=job_id, trigger__in=UNATTENDED).exists()
