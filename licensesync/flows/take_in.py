"""A list is taken in and everybody is counted again, all visible at once or not at all.

From top to bottom: take the enterprise's turn, read the list into temporary tables, compare it with the last one, write
what changed for the next generation (or all of it, as it is read), count again (`consolidate`), show it. Whatever stops
it before the end leaves the last good figures as they are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings

from licensesync import feeds
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, Enterprise, UsageEvent
from licensesync.errors import ExpectedError
from licensesync.flows import consolidate, payloads
from licensesync.flows.turns import flip, turn
from licensesync.licenses.models import Count
from licensesync.licenses.queries import current_count
from licensesync.syncing import clock
from licensesync.syncing import services as syncing
from licensesync.syncing.models import (
    NOBODY_ANSWERS,
    PROBLEM_OF,
    JobKind,
    LicenseSyncJob,
    Phase,
    Question,
    Trigger,
    UsageFile,
)
from licensesync.syncing.queries import has_taken_list_since, last_taken
from licensesync.syncing.working import ClaimLost, Work
from licensesync.usage import less, staging
from licensesync.usage import services as usage
from licensesync.usage.queries import figures, looks_like

log = structlog.get_logger()

SHRINK_SHARE, SHRINK_ACCOUNTS = 0.2, 10  # a list that removes or replaces more than both asks first


class Unanswered(Exception):
    """Something that only a person can tell. `refusal` is the sentence where nobody can be asked."""

    def __init__(self, question: Question, **params: str | int) -> None:
        self.question, self.params = question, params
        self.refusal = ExpectedError(PROBLEM_OF[question], **params)
        super().__init__(question)


class Overtaken(Exception):
    """While a list waited for its turn, a newer one was taken in."""


def take_in(job: LicenseSyncJob, work: Work) -> None:
    """Take the list of a claimed job in. Raises NotOurTurn, Unanswered, Overtaken, ClaimLost, ExpectedError."""
    deployment = job.deployment
    files = list(job.files.order_by("pk"))
    recognitions = [file.recognised for file in files]
    list_date = date_of(files[0])
    is_first_list = deployment.last_usage_at is None
    with turn(job) as count:
        deployment.refresh_from_db()
        if job.kind == JobKind.SYNC:
            _give_way_to_newer(deployment, list_date)
        elif not job.accept_older:
            ask_if_older(deployment, list_date, than=deployment.list_date)
        to_ask_about = date_to_ask_about(deployment, files)
        is_older = job.kind == JobKind.FILE and _is_older(to_ask_about, than=deployment.list_date)
        facts = None if is_older else recognitions[0].server  # of an older list the accounts are wanted alone
        host = _host(job, deployment, facts)
        report = feeds.ReadReport()
        diff = _write_list(job, files, recognitions, report, work, generation=count.generation, list_date=list_date)
        only_here = consolidate.count_again(
            count,
            deployment,
            changed=diff.added + diff.changed + diff.removed,
            host=host,
            list_date=list_date,
            is_first_list=is_first_list,
            report=work.report,
        )
        outcome = {
            "accounts_read": diff.read,
            "accounts_added": diff.added,
            "accounts_changed": diff.changed - diff.only_active,
            "accounts_removed": diff.removed,
            "invalid_emails": report.invalid_emails,
            "ignored_keys": report.ignored_keys,
            "looks_like": looks_like(deployment) if deployment.is_server and is_first_list else None,
        }
        _show(
            job,
            count,
            files,
            recognitions[0],
            facts=facts,
            host=host,
            list_date=list_date,
            only_here=only_here,
            outcome=outcome,
        )


def _host(job: LicenseSyncJob, deployment: Deployment, facts: feeds.ServerFacts | None) -> str:
    """The host name from now on. A list that its server pushes renames it only where its id proves whose it is: nobody
    can be asked, and GitHub's own links lead to accounts by host."""
    is_proved = facts is not None and bool(facts.server_id) and facts.server_id == deployment.server_id
    if job.trigger == Trigger.PUSHED and not is_proved:
        return deployment.host
    return deployments.host_by(deployment, facts)


def _write_list(
    job: LicenseSyncJob,
    files: list[UsageFile],
    recognitions: list[feeds.Recognition],
    report: feeds.ReadReport,
    work: Work,
    *,
    generation: int,
    list_date: datetime,
) -> staging.Diff:
    """Write what a list changes, for this generation. The first one of a server is written while it is read; any other
    is read into temporary tables and compared with the last."""
    deployment = job.deployment
    enterprise = deployment.enterprise  # asked for here: while rows are read no other query may run
    paths = [payloads.path_of(file) for file in files]
    total = sum(recognition.rows for recognition in recognitions) or None
    limits: Any = {"max_unpacked_bytes": settings.MAX_UNPACKED_BYTES, "max_accounts": settings.MAX_ACCOUNTS}

    def server_accounts() -> Iterator[list[feeds.ServerUserAccount]]:
        report.rows = report.invalid_emails = 0  # whoever reads again begins anew
        report.ignored_keys.clear()
        batches = feeds.read_server_accounts(paths[0], recognitions[0], report, **limits)
        return (less.of_server(batch, enterprise) for batch in batches)

    def reading(done: int) -> None:
        work.report(Phase.READING, done, total)

    reading(0)
    if deployment.is_server and not usage.has_accounts(deployment):
        read = usage.write_first_list(
            deployment, server_accounts, generation=generation, list_date=list_date, progress=reading
        )
        return staging.Diff(read=read, added=read, changed=0, removed=0, before=0)
    if deployment.is_server:
        staging.stage_server_list(server_accounts(), reading)
    else:
        rows = feeds.read_cloud(paths, recognitions, report, **limits)
        staging.stage_cloud_list((less.of_cloud(batch, enterprise) for batch in rows), reading)

    work.report(Phase.COMPARING, 0, None)
    compare = staging.compare_server_list if deployment.is_server else staging.compare_cloud_list
    diff = compare(deployment)
    _ask_if_shrinking(job, diff, recognitions[0].kind)

    def writing(done: int) -> None:
        work.report(Phase.COMPARING, done, diff.read)

    if deployment.is_server:
        usage.apply_server_diff(deployment, generation=generation, list_date=list_date, progress=writing)
    else:
        usage.apply_cloud_diff(deployment, generation=generation, progress=writing)
    return diff


def date_of(file: UsageFile) -> datetime:
    """The date of a list: its own time stamp, else when it was delivered. A clock that is ahead is not believed, or
    every list after it would be older."""
    server = file.recognised.server
    return min(server.exported_at, file.created_at) if server and server.exported_at else file.created_at


def date_to_ask_about(deployment: Deployment, files: Sequence[UsageFile]) -> datetime:
    """The date of a list; of one that somebody added, without a time stamp, whose bytes were here before and were
    replaced: when they were here last. What a script or a sync has just fetched is of now, whatever it looks like."""
    first, server = files[0], files[0].recognised.server
    if first.is_fetched or not first.somebody_answers or (server and server.exported_at):
        return date_of(first)
    was_here = last_taken(deployment, digest_of(files), before=first)
    return was_here.created_at if was_here else date_of(first)


def ask_if_older(deployment: Deployment, list_date: datetime, *, than: datetime | None) -> None:
    """Raise Unanswered when a list is older than another of its deployment."""
    if than is None or not _is_older(list_date, than=than):
        return
    in_one_minute = list_date.replace(second=0, microsecond=0) == than.replace(second=0, microsecond=0)
    exact = "seconds" if in_one_minute else "minutes"
    params = {
        "source": str(deployment),
        "file_date": list_date.isoformat(timespec=exact),
        "stored_date": than.isoformat(timespec=exact),
    }
    raise Unanswered(Question.OLDER, **params)


def _is_older(list_date: datetime, *, than: datetime | None) -> bool:
    """Of two in one second neither is."""
    return than is not None and list_date.replace(microsecond=0) < than.replace(microsecond=0)


def _give_way_to_newer(deployment: Deployment, list_date: datetime) -> None:
    """Raise Overtaken when a list is there that is newer than one that was fetched. A date to come is of a clock that
    was ahead then, which says nothing; nor does the list from before the fetch that only came once more."""
    is_newer = deployment.list_date is not None and list_date < deployment.list_date <= clock.now()
    if is_newer and has_taken_list_since(deployment, list_date):
        raise Overtaken


def _ask_if_shrinking(job: LicenseSyncJob, diff: staging.Diff, kind: feeds.FeedKind) -> None:
    """A partial list deletes nobody: when a list would remove many, the owner is asked first. So it is where many have
    nothing in common with who they were: every server counts its user ids from 1."""
    most = max(SHRINK_ACCOUNTS, diff.before * SHRINK_SHARE)
    is_added = job.kind == JobKind.FILE and job.trigger not in NOBODY_ANSWERS
    is_report = is_added and kind == feeds.FeedKind.SERVER_REPORT
    is_of_active = is_report and diff.removed > SHRINK_ACCOUNTS and _lacks_idle(job)
    is_shrinking, is_of_others = diff.removed > most or is_of_active, diff.replaced > most
    if not (is_shrinking or is_of_others) or syncing.accepts_shrink(job):
        return
    params: dict[str, str | int] = {"before": diff.before, "source": str(job.deployment)}
    if is_of_others:
        raise Unanswered(Question.OTHER_PEOPLE, replaced=diff.replaced, **params)
    raise Unanswered(Question.SHRINKS, removed=diff.removed, added=diff.added, **params)


def _lacks_idle(job: LicenseSyncJob) -> bool:
    """Whether a site-admin report has nobody who is suspended or dormant, though the last list had: the report of
    active users looks like the one of all users, but for whom it leaves out."""
    had_idle = bool(job.deployment.suspended or job.deployment.dormant)
    return had_idle and not staging.has_idle()


def _show(
    job: LicenseSyncJob,
    count: Count,
    files: list[UsageFile],
    recognition: feeds.Recognition,
    *,
    facts: feeds.ServerFacts | None,
    host: str,
    list_date: datetime,
    only_here: dict[int, int],
    outcome: dict[str, Any],
) -> None:
    """Everything becomes visible in one short transaction, if the job is still ours."""
    deployment, enterprise = job.deployment, count.enterprise
    now = figures(deployment)
    accounts, suspended = deployments.accounts_elsewhere(deployment)
    count.accounts, count.suspended = now.accounts + accounts, now.suspended + suspended
    before = current_count(enterprise)
    with flip(count, only_here):
        if not syncing.succeed(
            job,
            **outcome,
            accounts_suspended=now.suspended,
            unused_subscriptions=0 if deployment.is_server else outcome["accounts_read"] - now.accounts,
            forgets_dormancy=deployment.dormant is not None and now.dormant is None,
            licenses_before=before.consumed if before else None,
            licenses_after=count.consumed,
        ):
            raise ClaimLost
        if facts is not None:
            deployments.take_facts(deployment, facts)
        deployments.show_list(
            deployment,
            host=host,
            last_event=event_of(deployment, files),
            last_usage_at=clock.now(),
            list_date=list_date,
            list_digest=digest_of(files) if _is_kept_as_now(enterprise, deployment.enterprise) else "",
            accounts=now.accounts,
            suspended=now.suspended,
            dormant=now.dormant,
            total_seats_consumed=recognition.total_seats_consumed,
            total_seats_purchased=recognition.total_seats_purchased,
        )
    log.info("job_done", accounts=outcome["accounts_read"], consumed=count.consumed)


def _is_kept_as_now(enterprise: Enterprise, read_for: Enterprise) -> bool:
    """Whether what is to be kept of people is still what it was when the list was read; else it has to come again."""
    kept = {"keeps_names": read_for.keeps_names, "keeps_secondary_emails": read_for.keeps_secondary_emails}
    return Enterprise.objects.filter(pk=enterprise.pk, **kept).exists()


def event_of(deployment: Deployment, files: Sequence[UsageFile]) -> UsageEvent:
    """How a list came, also one that was fetched and then had to be confirmed."""
    if deployment.is_server:
        return UsageEvent.SERVER_SYNCED if files[0].is_fetched else UsageEvent.SERVER_UPLOADED
    return UsageEvent.CLOUD_SYNCED if files[0].is_fetched else UsageEvent.CLOUD_UPLOADED


def digest_of(files: Sequence[UsageFile]) -> str:
    """SHA-256 of a delivery: of its one file, or of the sorted digests of its pages."""
    if len(files) == 1:
        return files[0].digest
    return hashlib.sha256("".join(sorted(file.digest for file in files)).encode()).hexdigest()
