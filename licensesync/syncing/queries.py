"""Reads of jobs and files."""

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from django.db.models import Case, Max, Q, QuerySet, When

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import FIGURES_STAY, NO_FIGURES_YET
from licensesync.syncing.models import (
    ASKED,
    NOBODY_ANSWERS,
    OPEN_STATES,
    FileState,
    JobKind,
    JobState,
    LicenseSyncJob,
    Trigger,
    UsageFile,
)


def files_waiting_since(moment: datetime) -> list[int]:
    """Ids of the files that nobody has looked at since then."""
    waiting = UsageFile.objects.filter(
        state=FileState.RECOGNISING, created_at__lt=moment, enterprise__deleted_at__isnull=True
    )
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:1000])


def files_on_page(enterprise: Enterprise) -> QuerySet[UsageFile]:
    """What the License page lists under "Add server usage": files of which the outcome has not been put away.

    Of what scripts deliver only what they can't put right alone: the rest is in the sync history. What waits for an
    answer comes first, then the newest.
    """
    uploaded = Q(uploaded_by__isnull=False, trigger=Trigger.UPLOADED)
    refused = Q(uploaded_by__isnull=False, state=FileState.REFUSED)
    return (
        UsageFile.objects.filter(enterprise=enterprise, dismissed=False)
        .exclude(state=FileState.DISCARDED)
        .filter(uploaded | refused | Q(state=FileState.NEEDS_ANSWER))
        .select_related("deployment", "job__deployment", "job__looks_like", "uploaded_by")
        .order_by(Case(When(state=FileState.NEEDS_ANSWER, then=0), default=1), "-pk")
    )


def files_of(enterprise: Enterprise) -> QuerySet[UsageFile]:
    """All files that were delivered, with what became of them."""
    return UsageFile.objects.filter(enterprise=enterprise).select_related(
        "enterprise", "deployment", "job__deployment__enterprise", "job__looks_like"
    )


def next_moves(enterprise: Enterprise) -> list[datetime | None]:
    """When each open thing may move on: a running job now, a waiting job at its time. A file that is looked at might
    since it came; one whose other pages never come never does."""
    looked_at = UsageFile.objects.filter(enterprise=enterprise, state=FileState.RECOGNISING)
    return [*map(next_move, open_jobs(enterprise)), *looked_at.values_list("created_at", flat=True)]


def next_move(job: LicenseSyncJob) -> datetime | None:
    """When an open job may move on, by the clock of the database; None: now."""
    return job.not_before if job.state == JobState.PENDING else None


def open_jobs(enterprise: Enterprise) -> QuerySet[LicenseSyncJob]:
    jobs = LicenseSyncJob.objects.filter(deployment__enterprise=enterprise, state__in=OPEN_STATES)
    return jobs.select_related("deployment")


def jobs_of(enterprise: Enterprise, deployment: Deployment | None = None) -> QuerySet[LicenseSyncJob]:
    """The sync history, newest first."""
    jobs = LicenseSyncJob.objects.filter(deployment__enterprise=enterprise)
    if deployment is not None:
        jobs = jobs.filter(deployment=deployment)
    return jobs.select_related("deployment", "looks_like", "requested_by").order_by("-pk")


def looks_like(deployment: Deployment) -> Deployment | None:
    """The other server that had most of the accounts when its first list came, as long as that one is there."""
    jobs = LicenseSyncJob.objects.filter(deployment=deployment, looks_like__isnull=False)
    job = jobs.select_related("looks_like").first()
    return job.looks_like if job else None


def last_jobs(enterprise: Enterprise) -> dict[int, LicenseSyncJob]:
    """The newest job of every deployment, by deployment id."""
    return _newest_jobs(enterprise, Q())


def last_told_jobs(enterprise: Enterprise) -> dict[int, LicenseSyncJob]:
    """The newest job of every deployment that says how the deployment is doing, by deployment id."""
    return _newest_jobs(enterprise, ~failed_uploads("jobs__"))


def failed_uploads(prefix: str = "") -> Q:
    """Jobs that say nothing of their deployment: why somebody's file failed is told at the file, until that is
    answered or put away."""
    kinds = (JobKind.FILE, JobKind.IDENTITIES)
    is_failed = {"state": JobState.FAILURE, "kind__in": kinds, "trigger": Trigger.UPLOADED}
    return Q(**{f"{prefix}{name}": value for name, value in is_failed.items()})


def has_asked(job: LicenseSyncJob) -> bool:
    """Whether a job ended because somebody had to say first whether to go on."""
    return job.state == JobState.FAILURE and job.problem_code in ASKED and job.trigger not in NOBODY_ANSWERS


def asking_jobs(jobs: Iterable[LicenseSyncJob]) -> set[int]:
    """Ids of those jobs whose question nobody has answered yet."""
    asked = [job.pk for job in jobs if has_asked(job)]
    if not asked:
        return set()
    asking = UsageFile.objects.filter(job__in=asked, state=FileState.NEEDS_ANSWER)
    return set(asking.values_list("job_id", flat=True))


def has_taken_list_since(deployment: Deployment, moment: datetime) -> bool:
    """Whether a list of a deployment was taken in after a moment."""
    jobs = LicenseSyncJob.objects.filter(deployment=deployment, state=JobState.SUCCESS, finished_at__gt=moment)
    return jobs.exclude(kind__in=(JobKind.DELETE, JobKind.IDENTITIES)).exists()


def last_taken(deployment: Deployment, digest: str, *, before: UsageFile) -> UsageFile | None:
    """The last earlier file with these bytes whose list was taken in for a deployment. Pages are not compared."""
    taken = UsageFile.objects.filter(digest=digest, job__deployment=deployment, job__state=JobState.SUCCESS)
    return taken.filter(pk__lt=before.pk).order_by("-pk").first()


def stays_of(job: LicenseSyncJob) -> str:
    """What stays when a job failed, for the sentence of its problem."""
    return FIGURES_STAY if job.deployment.last_usage_at else NO_FIGURES_YET


def failures_in_a_row(deployment: Deployment) -> int:
    """How many of the last syncs of a deployment failed one after the other; looks at ten."""
    syncs = LicenseSyncJob.objects.filter(deployment=deployment, kind=JobKind.SYNC, finished_at__isnull=False)
    states = syncs.exclude(state=JobState.CANCELED).order_by("-pk").values_list("state", flat=True)[:10]
    return len(list(takewhile(lambda state: state == JobState.FAILURE, states)))


def last_finished_jobs(enterprise: Enterprise) -> dict[int, LicenseSyncJob]:
    """The newest job of every deployment that ended by itself, by deployment id."""
    return _newest_jobs(enterprise, Q(jobs__state__in=(JobState.SUCCESS, JobState.FAILURE)))


def _newest_jobs(enterprise: Enterprise, which: Q) -> dict[int, LicenseSyncJob]:
    newest = Deployment.objects.filter(enterprise=enterprise).annotate(newest=Max("jobs__pk", filter=which))
    jobs = LicenseSyncJob.objects.filter(pk__in=newest.values("newest")).select_related("deployment", "looks_like")
    return {job.deployment_id: job for job in jobs}
