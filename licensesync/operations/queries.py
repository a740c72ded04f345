"""Figures of the installation as a whole, without saying whose: for the operator's page, `doctor` and /metrics."""

import platform
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Min, Q, QuerySet, Sum
from kombu.exceptions import OperationalError as QueueError

from licensesync.flows import queue
from licensesync.operations.models import Seen
from licensesync.syncing import clock
from licensesync.syncing.models import ASKED, NOBODY_ANSWERS, OPEN_STATES, JobState, LicenseSyncJob

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Those that are open. `waiting_since`: since when the one that waits longest could have started."""

    waiting: int
    running: int
    later: int  # not due yet: they wait for GitHub, or for another try
    waiting_since: datetime | None


def seen() -> QuerySet[Seen]:
    """Workers and the scheduler, by name."""
    return Seen.objects.order_by("name")


def waiting_messages() -> dict[str, int | None]:
    """Messages that nobody has taken, by queue; None while the queue can't be reached."""
    found: dict[str, int | None] = {}
    for name in queue.QUEUES:
        try:
            found[name] = queue.waiting_messages(name)
        except QueueError:
            return dict.fromkeys(queue.QUEUES)
    return found


def open_jobs() -> Jobs:
    now = clock.now()
    waiting = Q(state=JobState.PENDING, not_before__lte=now)
    later = Q(state=JobState.PENDING, not_before__gt=now)
    figures = LicenseSyncJob.objects.filter(state__in=OPEN_STATES).aggregate(
        waiting=Count("pk", filter=waiting),
        running=Count("pk", filter=Q(state=JobState.RUNNING)),
        later=Count("pk", filter=later),
        waiting_since=Min("not_before", filter=waiting),
    )
    return Jobs(**figures)


def failures_of_the_day() -> QuerySet[LicenseSyncJob]:
    """Newest first."""
    return _ended_within_a_day().filter(state=JobState.FAILURE).order_by("-finished_at")


def _ended_within_a_day() -> QuerySet[LicenseSyncJob]:
    """But for those whose list asks its owner something first: their state says FAILURE, and nothing has failed."""
    ended = LicenseSyncJob.objects.filter(finished_at__gte=clock.now() - DAY)
    return ended.exclude(Q(problem_code__in=ASKED) & ~Q(trigger__in=NOBODY_ANSWERS))


@dataclass(frozen=True, slots=True)
class Ended:
    """The jobs of one trigger that ended so within the last day."""

    trigger: str
    outcome: str
    jobs: int
    seconds: float  # together
    longest: float
    accounts_read: int


def ended_within_a_day() -> list[Ended]:
    seconds = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    ended = (
        _ended_within_a_day()
        .values_list("trigger", "state")
        .annotate(jobs=Count("pk"), took=Sum(seconds), longest=Max(seconds), read=Sum("accounts_read"))
        .order_by("trigger", "state")
    )
    return [
        Ended(
            trigger=trigger,
            outcome=state,
            jobs=jobs,
            seconds=(took or timedelta()).total_seconds(),
            longest=(longest or timedelta()).total_seconds(),
            accounts_read=read or 0,
        )
        for trigger, state, jobs, took, longest, read in ended
    ]


def versions() -> dict[str, str]:
    """Of us and of what we stand on."""
    if connection.vendor == "sqlite":
        database, version = "SQLite", sqlite3.sqlite_version
    else:
        database, version = "PostgreSQL", ".".join(map(str, connection.get_database_version()))
    return {
        "LicenseSync": settings.VERSION,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        database: version,
    }
