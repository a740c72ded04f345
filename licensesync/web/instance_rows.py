"""The deployments of an enterprise as the License page and their own pages show them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.errors import (
    PROBLEMS,
    SCOPE_MISSING,
    SECRET_UNREADABLE,
    SIGN_IN_PAGE,
    SINGLE_SIGN_ON,
    WRONG_CREDENTIALS,
)
from licensesync.licenses.completeness import is_out_of_date
from licensesync.syncing import queries
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob
from licensesync.web import words

TOKEN_PROBLEMS = {
    problem.code for problem in (SECRET_UNREADABLE, WRONG_CREDENTIALS, SCOPE_MISSING, SIGN_IN_PAGE, SINGLE_SIGN_ON)
}


@dataclass
class InstanceRow:
    """A deployment and how it is doing. `state` is a job's state, `tone` "attention" where something wants a look."""

    deployment: Deployment
    job: LicenseSyncJob | None  # the last one
    told: LicenseSyncJob | None  # the one that `state` and `problem` are from; not that of somebody's file that failed
    state: str = ""
    tone: str = ""
    label: str = ""
    problem: str = ""  # its first sentence says what happened
    advice: str = ""
    problem_tone: str = "attention"
    is_asking: bool = False  # `problem` is a question, which waits on the License page
    keeps_figures: bool = False  # the problem does not say yet that the last good figures stay

    @property
    def open_job(self) -> LicenseSyncJob | None:
        return self.job if self.job and self.state in (JobState.PENDING, JobState.RUNNING) else None

    @property
    def outcome(self) -> str:
        """What the outcome of the last job is called (see `file_rows`), "" while there is none."""
        return f"job-{self.job.pk}" if self.outcome_sentence and self.job else ""

    @property
    def outcome_sentence(self) -> str:
        return words.outcome(self.job) if self.job else ""

    @property
    def can_cancel(self) -> bool:
        return self.open_job is not None and self.open_job.kind != JobKind.DELETE

    @property
    def brought_old_list(self) -> bool:
        """Whether what came last was not of that day."""
        arrived, written = self.deployment.last_usage_at, self.deployment.list_date
        return arrived is not None and written is not None and arrived - written > timedelta(days=1)

    @property
    def is_connected(self) -> bool:
        return hasattr(self.deployment, "connection")

    @property
    def next_sync_at(self) -> datetime | None:
        return self.deployment.connection.next_sync_at if self.is_connected else None

    @property
    def connect_url(self) -> str:
        slug, deployment = self.deployment.enterprise.slug, self.deployment
        if not deployment.is_server:
            return reverse("connect_cloud", args=[slug])
        return reverse("connect_server", args=[slug, deployment.pk])

    @property
    def asks_for_token(self) -> bool:
        """Whether its problem is one that a new token may end."""
        return self.told is not None and self.told.problem_code in TOKEN_PROBLEMS

    @property
    def doing(self) -> str:
        return words.progress(self.open_job) if self.open_job else ""

    @property
    def progress(self) -> str:
        return words.progress_count(self.open_job) if self.open_job else ""


def instance_rows(enterprise: Enterprise) -> list[InstanceRow]:
    """The servers by host, then the cloud where there is one."""
    deployments = Deployment.objects.filter(enterprise=enterprise).select_related("enterprise", "connection")
    jobs, told = queries.last_jobs(enterprise), queries.last_told_jobs(enterprise)
    asking = queries.asking_jobs(told.values())
    rows = [
        instance_row(deployment, jobs.get(deployment.pk), told.get(deployment.pk), asking)
        for deployment in deployments.order_by("kind", "host", "pk")
    ]
    return sorted(rows, key=lambda row: row.deployment.kind == DeploymentKind.CLOUD)


def instance_row(
    deployment: Deployment, job: LicenseSyncJob | None, told: LicenseSyncJob | None, asking: Collection[int]
) -> InstanceRow:
    """Of the last job of a deployment, and the last one that tells how it is doing. `asking`: the ids of those whose
    question is open. One whose list is not wanted after all says nothing more."""
    for each in filter(None, (job, told)):
        each.deployment = deployment  # so that nobody asks for it again
    if told is not None and queries.has_asked(told) and told.pk not in asking:
        told = None
    row = InstanceRow(deployment, job, told, is_asking=told is not None and told.pk in asking)
    match told.state if told else "":
        case JobState.PENDING:
            row.state, row.label = JobState.PENDING, _("Waiting")
        case JobState.RUNNING:
            row.state = JobState.RUNNING
            row.label = _("Deleting") if told and told.kind == JobKind.DELETE else _("Syncing")
        case JobState.FAILURE if told and row.is_asking:
            row.tone, row.label = "attention", _("Asks first")
            row.problem, row.advice = words.halves(told)
        case JobState.FAILURE if told:
            row.state, row.label, row.problem_tone = JobState.FAILURE, _("Failed"), "danger"
            row.problem, row.advice = words.halves(told)
            known = PROBLEMS.get(told.problem_code)
            row.keeps_figures = deployment.last_usage_at is not None and not (known and "%(stays)s" in known.sentence)
        case _ if deployment.last_usage_at is None:
            row.label = _("Never synced")
        case _ if is_out_of_date(deployment):
            row.tone, row.label = "attention", _("Out of date")
        case _:
            row.state, row.label = JobState.SUCCESS, _("Up to date")
    return row
