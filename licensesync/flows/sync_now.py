"""Sync now: the list of a connected deployment is fetched, and from there it goes the way of a file (`take_in`).

From top to bottom: `request_sync` is called by whoever wants a sync (button, schedule, script) and returns at once. The
worker that has claimed the job calls `fetch`, which leaves the list as a file of the job. A wait of more than a few
seconds (a report being built, GitHub's rate limit, another try) gives the job back: what is fetched so far stays.
"""

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from licensesync import feeds
from licensesync.enterprises import connections, deployments
from licensesync.enterprises.models import Connection, Deployment, Enterprise
from licensesync.errors import (
    ANSWER_TOO_LARGE,
    IDENTITIES_KEEP_CHANGING,
    LIST_INCOMPLETE,
    LIST_KEEPS_CHANGING,
    NOT_CONNECTED,
    REPORT_TAKES_TOO_LONG,
    ExpectedError,
)
from licensesync.flows import payloads, queue
from licensesync.flows.connecting import cloud_connection, rules, server_connection
from licensesync.github import cloud, identities, server
from licensesync.github.answers import AT_MOST
from licensesync.github.failures import NotReady, Passing, Wait
from licensesync.syncing import clock
from licensesync.syncing import services as syncing
from licensesync.syncing.models import LicenseSyncJob, Phase, Trigger
from licensesync.syncing.working import ClaimLost, Work
from licensesync.users.models import User

T = TypeVar("T")

log = structlog.get_logger()

SHORT_WAIT = timedelta(seconds=10)  # so long a worker waits itself
IN_ONE_GO = 30 * 60  # seconds that a worker fetches pages; after an hour Celery ends it (`task_time_limit`)
LONGEST_GUESS = 10  # doublings; with more, a wait is longer than `AT_MOST` anyway
ROUNDS = 3  # how often a list that changes while it is paged is read


class Later(Exception):
    """The fetch goes on at a later time; whoever holds the job gives it back until then."""

    def __init__(self, until: datetime, phase: Phase, because: ExpectedError | None = None) -> None:
        self.until, self.phase, self.because = until, phase, because
        super().__init__(phase)


class Fetch(msgspec.Struct):
    """What a fetch has to know when it goes on after a wait or a restart (`LicenseSyncJob.fetch`)."""

    began: datetime  # of this round: the date of the list
    round: int = 1
    tries: int = 0  # that failed in a row
    guesses: int = 0  # in a row, at how long GitHub wants us to wait
    asked_for_report: datetime | None = None
    is_identities_settled: bool = False  # of the cloud
    # Of a server. Each is asked for once: every answer resets `tries`, so a failing report would be tried for ever.
    version: str | None = None
    is_license_settled: bool = False
    seats_used: int | None = None
    seats: int | None = None
    license_expires_at: datetime | None = None


def request_sync(
    deployment: Deployment, *, trigger: Trigger, requested_by: User | None = None, accept_shrink: bool = False
) -> LicenseSyncJob:
    """Have a connected deployment synced. Whoever asks while a sync waits or runs gets that one.

    ExpectedError: NOT_CONNECTED, BEING_DELETED.
    """
    if not Connection.objects.filter(deployment=deployment).exists():
        raise ExpectedError(NOT_CONNECTED, source=str(deployment))
    with transaction.atomic():
        job = syncing.job_for_sync(
            deployment=deployment, trigger=trigger, requested_by=requested_by, accept_shrink=accept_shrink
        )
        queue.announce_job(job.pk)
    return job


@transaction.atomic
def connect(deployment: Deployment, *, connected_by: User, **reached: Any) -> LicenseSyncJob:
    """Connect a deployment, or change how it is reached (`connections.connect`), and sync it: both or neither."""
    connections.connect(deployment, connected_by=connected_by, **reached)
    return request_sync(deployment, trigger=Trigger.SYNC_NOW, requested_by=connected_by)


def request_all(enterprise: Enterprise, *, trigger: Trigger, requested_by: User | None = None) -> list[LicenseSyncJob]:
    """Have every connected deployment of an enterprise synced."""
    jobs = []
    for each in Deployment.objects.filter(enterprise=enterprise, connection__isnull=False).order_by("pk"):
        with _told_in_log(each):
            jobs.append(request_sync(each, trigger=trigger, requested_by=requested_by))
    return jobs


@contextmanager
def _told_in_log(deployment: Deployment) -> Iterator[None]:
    """One of several that can't be synced, as it is being deleted just now, keeps none of the others from it."""
    try:
        yield
    except ExpectedError as error:
        log.info("sync_not_requested", deployment=deployment.pk, problem=error.problem.code)


def request_due() -> None:
    """Called by the scheduler every minute: have those synced whose hour has come, once each."""
    for connection in connections.due():
        with transaction.atomic():
            if connections.take(connection):
                with _told_in_log(connection.deployment):
                    request_sync(connection.deployment, trigger=Trigger.SCHEDULED)


# What the worker does ----------------------------------------------------------------------------------------------


def fetch(job: LicenseSyncJob, work: Work) -> None:
    """Fetch the list of a claimed job into a file of the job, unless a worker before us has it already.

    Raises Later, or ExpectedError for what another try would not change.
    """
    if job.files.exists():
        return
    connection = Connection.objects.filter(deployment=job.deployment).first()
    if connection is None:  # disconnected meanwhile
        raise ExpectedError(NOT_CONNECTED, source=str(job.deployment))
    step = Step(job, work, msgspec.convert(job.fetch, Fetch) if job.fetch else Fetch(began=clock.now()))
    step.remember()  # for whoever goes on with it: the list is of when its first page was
    folder = folder_of(job.pk)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if job.deployment.is_server:
        fetched = _fetch_report(connection, step, folder)
    else:
        fetched = _fetch_pages(connection, step, folder)
    _attach(job, fetched, began=step.fetch.began)
    shutil.rmtree(folder, ignore_errors=True)


def _attach(job: LicenseSyncJob, fetched: "Fetched", *, began: datetime) -> None:
    """Make what was fetched the list of the job. ClaimLost: it was canceled meanwhile."""
    kept: list[payloads.Stored] = []
    try:
        files = []
        for path in filter(None, (fetched.path, fetched.identities)):
            with path.open("rb") as content:
                stored = payloads.store(content, limit=settings.MAX_UNPACKED_BYTES)
            kept.append(stored)
            recognition = feeds.recognise(stored.path, max_unpacked_bytes=settings.MAX_UNPACKED_BYTES)
            facts = fetched.facts if path == fetched.path else {}
            said = {"name": path.name, "stored_name": stored.name, "size": stored.size, "digest": stored.digest}
            files.append((replace(recognition, **facts), {**said, "created_at": began}))
        if not syncing.attach(job, files):
            raise ClaimLost
    except BaseException:
        payloads.delete(stored.name for stored in kept)
        raise


def folder_of(job_id: int) -> Path:
    """Where a job keeps what it has fetched so far, so that whoever goes on with it need not fetch it again."""
    return Path(settings.FETCHES_DIR / str(job_id))


@dataclass(frozen=True, slots=True)
class Fetched:
    """The whole list, and what was learned beside it (fields of feeds.Recognition)."""

    path: Path
    facts: dict[str, Any]
    identities: Path | None = None  # of the cloud: those of its accounts


@dataclass(slots=True)
class Step:
    """A fetch at work: its job, its progress, and what it has to remember."""

    job: LicenseSyncJob
    work: Work
    fetch: Fetch
    started: float = field(default_factory=time.monotonic)

    def ask(self, question: Callable[[], T]) -> T:
        """The answer of one request, made again after what may pass. Raises Later when that takes a while."""
        while True:
            try:
                answer = question()
            except NotReady as not_ready:
                self._wait_for_report(not_ready)
            except Wait as wait:
                self.fetch.guesses = 0 if wait.told else self.fetch.guesses + 1
                doublings = min(max(self.fetch.guesses - 1, 0), LONGEST_GUESS)
                longer = (wait.until - timezone.now()) * (2**doublings - 1)
                until = min(wait.until + longer, max(wait.until, timezone.now() + AT_MOST))
                self.wait(until, Phase.RATE_LIMITED, wait)
            except Passing as passing:
                self.fetch.tries += 1
                if self.fetch.tries >= settings.FETCH_TRIES:
                    raise
                backoff = settings.RETRY_SECONDS * 2 ** (self.fetch.tries - 1) * random.uniform(0.75, 1.25)  # noqa: S311
                seconds = max(backoff, passing.retry_after or 0)
                self.wait(timezone.now() + timedelta(seconds=seconds), Phase.RETRYING, passing)
            else:
                self.fetch.tries = self.fetch.guesses = 0
                return answer

    def wait(self, until: datetime, phase: Phase, because: ExpectedError | None = None) -> None:
        """Wait here when it is short; else remember where we are, and raise Later."""
        pause = until - timezone.now()
        if pause > SHORT_WAIT:
            self.remember()
            raise Later(until, phase, because)
        self.work.report(phase, *self.work.progress)
        self.work.pause(max(pause.total_seconds(), 0))
        self.work.report(Phase.FETCHING, *self.work.progress)

    def give_others_a_turn(self) -> None:
        """Raise Later when the worker has been at it for long enough."""
        if time.monotonic() - self.started >= IN_ONE_GO:
            self.remember()
            raise Later(timezone.now(), Phase.FETCHING)

    def remember(self) -> None:
        syncing.note_fetch(self.job, msgspec.to_builtins(self.fetch))

    def _wait_for_report(self, not_ready: NotReady) -> None:
        """The server builds its report now: ask again soon, then more rarely, but not for ever."""
        now = timezone.now()
        self.fetch.asked_for_report = self.fetch.asked_for_report or now
        waited = (now - self.fetch.asked_for_report).total_seconds()
        if waited > settings.REPORT_PATIENCE_SECONDS:
            minutes = round(settings.REPORT_PATIENCE_SECONDS / 60)
            raise ExpectedError(REPORT_TAKES_TOO_LONG, source=str(self.job.deployment), minutes=minutes)
        seconds = max(not_ready.retry_after or 0, min(max(waited / 2, 2), 60))
        self.wait(now + timedelta(seconds=seconds), Phase.WAITING_FOR_REPORT)


def _fetch_report(connection: Connection, step: Step, folder: Path) -> Fetched:
    """A server's site-admin report, with its version and its own count of licenses."""
    to = server_connection(connection)
    step.work.report(Phase.FETCHING, 0, None)
    fetch = step.fetch
    if fetch.version is None:
        fetch.version = step.ask(lambda: server.read_version(to, rules()))
        step.remember()
    if not fetch.is_license_settled:
        try:
            license = step.ask(lambda: server.read_license(to, rules()))
            fetch.seats_used, fetch.seats = license.seats_used, license.seats
            fetch.license_expires_at = license.expires_at
        except ExpectedError:  # nice to know, no more: what is wrong with the token, the report says
            fetch.tries = 0
        fetch.is_license_settled = True
        step.remember()
    path = folder / "all_users.csv"

    def downloading(done: int, total: int | None) -> None:
        payloads.refuse_without_room()
        step.work.report(Phase.FETCHING, done, total)

    def download() -> None:
        with path.open("wb") as report:
            server.fetch_report(to, rules(), report, progress=downloading)

    step.ask(download)
    said = feeds.ServerFacts(
        version=fetch.version,
        license_expires_at=fetch.license_expires_at,
        tells_license=fetch.seats_used is not None,
    )
    facts: dict[str, Any] = {"server": said}
    if fetch.seats_used is not None:
        facts |= {"total_seats_consumed": fetch.seats_used, "total_seats_purchased": fetch.seats}
    return Fetched(path, facts)


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page of the cloud's list on our disk, and who is on it."""

    path: Path
    keys: tuple[str, ...]
    total_seats_consumed: int | None


def _fetch_pages(connection: Connection, step: Step, folder: Path) -> Fetched:
    """All pages of the cloud's list, read again from the first on while it changes under our hands."""
    to = cloud_connection(connection)
    while True:
        pages = list(_pages(to, step, folder))
        found = cloud.assemble(pages)
        if found.whole:
            linked = _fetch_identities(to, step, folder / "identities", behind=len(pages))
            _note_github_syncs(to, step)
            return Fetched(_joined([page.path for page in pages], folder / "consumed-licenses.json"), {}, linked)
        if step.fetch.round == ROUNDS:
            if found.changed or found.total is None:
                raise ExpectedError(LIST_KEEPS_CHANGING, source=str(step.job.deployment))
            raise ExpectedError(LIST_INCOMPLETE, rows=found.people, total=found.total, missing=found.missing)
        log.info("list_changed_while_paged", round=step.fetch.round)
        for page in pages:
            page.path.unlink()
        step.fetch = Fetch(began=clock.now(), round=step.fetch.round + 1)
        step.remember()


def _fetch_identities(to: cloud.CloudConnection, step: Step, folder: Path, *, behind: int) -> Path | None:
    """The linked identities of the accounts, `behind` so many pages of the list; None where they are not to be had:
    the list counts all the same, with those that are known. Raises Later."""
    joined = folder.with_suffix(".json")
    if step.fetch.is_identities_settled:
        return joined if joined.exists() else None
    folder.mkdir(mode=0o700, exist_ok=True)
    problem: ExpectedError | None = None
    try:
        for _round in range(ROUNDS):
            pages = list(_identity_pages(to, step, folder, behind))
            if sum(page.rows for page in pages) >= max(page.total for page in pages):
                _joined([page.path for page in pages], joined)
                break
            shutil.rmtree(folder)
            folder.mkdir(mode=0o700)
        else:
            raise ExpectedError(IDENTITIES_KEEP_CHANGING)
    except ExpectedError as error:
        problem, step.fetch.tries = error, 0
        log.info("identities_unknown", problem=error.problem.code)
    deployments.note_identities_problem(step.job.deployment, problem)
    step.fetch.is_identities_settled = True
    step.remember()
    return joined if problem is None else None


@dataclass(frozen=True, slots=True)
class StoredIdentities:
    """A page of linked identities on our disk: how many are on it, and GitHub's total of all."""

    path: Path
    rows: int
    total: int


def _identity_pages(to: cloud.CloudConnection, step: Step, folder: Path, behind: int) -> Iterator[StoredIdentities]:
    """Page after page, each asked for once, as `_pages`."""
    size, number, after = 0, 1, None
    while True:
        path = folder / f"{number}.json"
        if not path.exists():
            page = step.ask(partial(_identities_behind, to, step, after))
            _kept(page.body, path)
            step.give_others_a_turn()
        page = identities.contents(path.read_bytes())
        size += len(page.body)
        _refuse_too_large(size, to)
        yield StoredIdentities(path, page.rows, page.total)
        last = max(number, -(-page.total // identities.PER_PAGE))
        step.work.report(Phase.FETCHING, behind + number, behind + last)
        if page.following is None:
            return
        number, after = number + 1, page.following


def _identities_behind(to: cloud.CloudConnection, step: Step, after: str | None) -> identities.Page:
    """The page behind a cursor; a smaller one with each try, since GitHub gives up on what takes it ten seconds."""
    return identities.fetch_page(to, rules(), after, first=max(identities.PER_PAGE >> step.fetch.tries, 10))


def _note_github_syncs(to: cloud.CloudConnection, step: Step) -> None:
    """When GitHub last synced each server by itself. Nice to know, no more: the list is whole without it."""
    try:
        syncs = cloud.fetch_server_syncs(to, rules())
    except ExpectedError as error:
        log.info("github_syncs_unknown", problem=error.problem.code)
    else:
        deployments.note_github_syncs(step.job.deployment.enterprise, syncs)


def _pages(to: cloud.CloudConnection, step: Step, folder: Path) -> Iterator[StoredPage]:
    """Page after page, each asked for once: those that an earlier attempt has stored are read from the disk.

    ExpectedError: all of it is more than LicenseSync reads, or the disk has no room for it.
    """
    size = 0
    kept = {int(path.stem.partition("-")[0]): path for path in folder.glob("*-*-*.json")}
    number: int | None = 1
    while number:
        path = kept.get(number)
        if path is None:
            path = _stored(step.ask(partial(cloud.fetch_page, to, rules(), number)), number, folder)
            step.give_others_a_turn()
        body = path.read_bytes()
        size += len(body)
        _refuse_too_large(size, to)
        contents = cloud.contents(body)
        yield StoredPage(path, contents.keys, contents.total_seats_consumed)
        following, last = (int(word) for word in path.stem.split("-")[1:])
        step.work.report(Phase.FETCHING, number, last or number)
        number = following


def _refuse_too_large(size: int, to: cloud.CloudConnection) -> None:
    if size > settings.MAX_UNPACKED_BYTES:
        limit = f"{settings.MAX_UNPACKED_BYTES // payloads.MEBIBYTE} MB"
        raise ExpectedError(ANSWER_TOO_LARGE, host=urlsplit(to.api_url).hostname or "", limit=limit)


def _stored(page: cloud.Page, number: int, folder: Path) -> Path:
    """Keep a page. Its name says which page it is, which one follows, and which is the last."""
    return _kept(page.body, folder / f"{number}-{page.next_page or 0}-{page.last_page or 0}.json")


def _kept(body: bytes, path: Path) -> Path:
    """Keep an answer, whole or not at all."""
    new = path.with_suffix(".new")
    payloads.refuse_without_room(len(body))
    new.write_bytes(body)
    return new.replace(path)


def _joined(pages: Sequence[Path], path: Path) -> Path:
    """One JSON array of all pages, whole or not at all."""
    payloads.refuse_without_room(sum(page.stat().st_size for page in pages))
    new = path.with_suffix(".new")
    with new.open("wb") as joined:
        for number, page in enumerate(pages):
            joined.write(b"," if number else b"[")
            joined.write(page.read_bytes())
        joined.write(b"]")
    return new.replace(path)
