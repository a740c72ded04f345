"""Every job of an enterprise, newest first: who started it, how long it took, what it changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.syncing import queries
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob
from licensesync.web import words
from licensesync.web.access import enterprise_for
from licensesync.web.asked import id_of
from licensesync.web.following import leave_when_gone, next_look
from licensesync.web.paging import newest_first

EVERY = 5  # seconds between two looks at jobs that move: the whole page is read anew


@dataclass(frozen=True)
class JobRow:
    job: LicenseSyncJob
    deployments: Sequence[Deployment]  # among which its own is named

    @property
    def source(self) -> str:
        deployment = self.job.deployment
        return words.short_host(deployment, self.deployments) if deployment.is_server else _("Cloud")

    @property
    def label(self) -> str:
        return _("Asked first") if queries.has_asked(self.job) else self.job.get_state_display()

    @property
    def tone(self) -> str:
        return "attention" if queries.has_asked(self.job) else ""

    @property
    def took(self) -> str:
        if not (self.job.started_at and self.job.finished_at):
            return "–"
        seconds = round((self.job.finished_at - self.job.started_at).total_seconds())
        if seconds < 60:
            return _("%(s)s s") % {"s": max(seconds, 1)}
        return _("%(min)s min %(s)s s") % {"min": seconds // 60, "s": seconds % 60}

    @property
    def outcome(self) -> str:
        match self.job.state:
            case JobState.SUCCESS:
                return words.licenses_more_or_less(self.job)
            case JobState.FAILURE if queries.has_asked(self.job):
                return words.halves(self.job)[0]  # not how to answer: that is over, or elsewhere
            case JobState.FAILURE:
                return words.problem_of_job(self.job)
            case JobState.CANCELED:
                return words.canceled(self.job)
            case JobState.RUNNING:
                doing = words.progress(self.job), words.progress_count(self.job)
                return capfirst(", ".join(filter(None, doing)))
        return capfirst(words.progress(self.job))

    @property
    def is_of_identities(self) -> bool:
        return self.job.kind == JobKind.IDENTITIES

    @property
    def is_known(self) -> bool:
        return self.job.accounts_read is not None


@dataclass(frozen=True)
class HistoryPage:
    """Some jobs; `newer` and `older` are queries for their neighbours, `here` the one for this page; or ""."""

    rows: list[JobRow]
    newer: str = ""
    older: str = ""
    here: str = ""

    @property
    def next_look(self) -> int:
        """In how many seconds one of these jobs may be further, 0 where all have ended."""
        look = next_look(queries.next_move(row.job) for row in self.rows if row.job.is_open)
        return max(look, EVERY) if look else 0


@dataclass(frozen=True)
class HistoryFilter:
    """The jobs that the query asks for; None and "": of every deployment, in every state."""

    deployments: list[Deployment]  # to choose from
    deployment: Deployment | None
    state: str

    @property
    def narrows(self) -> bool:
        return bool(self.deployment or self.state)

    @property
    def sources(self) -> list[tuple[int, str]]:
        return [(each.pk, each.host if each.is_server else _("Cloud")) for each in self.deployments]

    @property
    def states(self) -> list[tuple[str, str]]:
        return [(state.value, str(state.label)) for state in JobState]

    @property
    def query(self) -> str:
        """As it stands in the address, with & at its end, or ""."""
        chosen = {"source": self.deployment.pk if self.deployment else "", "state": self.state}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return f"{query}&" if query else ""

    def of(self, jobs: QuerySet[LicenseSyncJob]) -> QuerySet[LicenseSyncJob]:
        return jobs.filter(state=self.state) if self.state else jobs


def history_filter(request: HttpRequest, enterprise: Enterprise) -> HistoryFilter:
    """What can't be asked for is left out, as if it had not been said."""
    deployments = list(Deployment.objects.filter(enterprise=enterprise).order_by("kind", "host"))
    source, state = id_of(request.GET.get("source", "")), request.GET.get("state", "")
    return HistoryFilter(
        deployments,
        next((each for each in deployments if each.pk == source), None),
        state if state in JobState.values else "",
    )


def history_page(
    request: HttpRequest, jobs: QuerySet[LicenseSyncJob], deployments: Sequence[Deployment] = ()
) -> HistoryPage:
    """The page of jobs that the query asks for. `deployments` are those of the enterprise, where rows name theirs."""
    page = newest_first(request, jobs)
    return HistoryPage([JobRow(job, deployments) for job in page.rows], page.newer, page.older, page.here)


@require_GET
@leave_when_gone
def sync_history(request: HttpRequest, slug: str) -> HttpResponse:
    enterprise = enterprise_for(request, slug)
    chosen = history_filter(request, enterprise)
    jobs = chosen.of(queries.jobs_of(enterprise, chosen.deployment))
    context = {"enterprise": enterprise, "filter": chosen, "history": history_page(request, jobs, chosen.deployments)}
    return render(request, "deployments/sync_history.html", context)


urlpatterns = [path("enterprises/<slug:slug>/settings/sync-history", sync_history, name="sync_history")]
