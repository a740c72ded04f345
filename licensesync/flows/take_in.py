"""A list is taken in and everybody is counted again, all visible at once or not at all.

From top to bottom: take the enterprise's turn, read the list into temporary tables, compare it with the last one, write
what changed for the next generation (or all of it, as it is read), count again (`consolidate`), show it. Whatever stops
it before the end leaves the last good figures as they are.
"""

from collections.abc import Iterator
from datetime import datetime

import structlog

from licensesync import feeds
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import NO_CLOUD_LIST, ExpectedError
from licensesync.flows import consolidate
from licensesync.flows.delivery import Delivery, Unanswered, ask_if_older, is_older
from licensesync.flows.turns import flip, turn
from licensesync.licenses.models import Count
from licensesync.licenses.queries import current_count
from licensesync.syncing import clock
from licensesync.syncing import services as syncing
from licensesync.syncing.models import (
    NOBODY_ANSWERS,
    JobKind,
    LicenseSyncJob,
    Phase,
    Question,
    Trigger,
)
from licensesync.syncing.queries import has_taken_list_since
from licensesync.syncing.working import ClaimLost, Work
from licensesync.usage import less, staging
from licensesync.usage import services as usage
from licensesync.usage.queries import figures, looks_like

log = structlog.get_logger()

SHRINK_SHARE, SHRINK_ACCOUNTS = 0.2, 10  # a list that removes or replaces more than both asks first


class Overtaken(Exception):
    """While a list waited for its turn, a newer one was taken in."""


def take_in(job: LicenseSyncJob, work: Work) -> None:
    """Take the list of a claimed job in. Raises NotOurTurn, Unanswered, Overtaken, ClaimLost, ExpectedError."""
    deployment = job.deployment
    delivery = Delivery(list(job.files.order_by("pk")))
    is_first_list = deployment.last_usage_at is None
    with turn(job) as count:
        deployment.refresh_from_db()
        if job.kind == JobKind.SYNC:
            _give_way_to_newer(deployment, delivery.date)
        elif not job.accept_older:
            ask_if_older(deployment, delivery.date, than=delivery.date_there(deployment))
        if delivery.is_identities_alone and deployment.list_date is None:
            raise ExpectedError(NO_CLOUD_LIST)
        to_ask_about = delivery.date_to_ask_about(deployment)
        is_behind = job.kind == JobKind.FILE and is_older(to_ask_about, than=deployment.list_date)
        facts = None if is_behind else delivery.recognition.server  # of an older list the accounts are wanted alone
        host = _host(job, deployment, facts)
        report = feeds.ReadReport()
        diff = _write_list(job, delivery, report, work, generation=count.generation)
        only_here = consolidate.count_again(
            count,
            deployment,
            changed=diff.added + diff.changed + diff.removed,
            host=host,
            list_date=delivery.date,
            is_first_list=is_first_list,
            report=work.report,
        )
        similar = looks_like(deployment) if deployment.is_server and is_first_list else None
        _show(job, count, delivery, diff, report, facts=facts, host=host, only_here=only_here, similar=similar)
    log.info("job_done", accounts=diff.read, consumed=count.consumed)


def _host(job: LicenseSyncJob, deployment: Deployment, facts: feeds.ServerFacts | None) -> str:
    """The host name from now on. A list that its server pushes renames it only where its id proves whose it is: nobody
    can be asked, and GitHub's own links lead to accounts by host."""
    is_proved = facts is not None and bool(facts.server_id) and facts.server_id == deployment.server_id
    if job.trigger == Trigger.PUSHED and not is_proved:
        return deployment.host
    return deployments.host_by(deployment, facts)


def _write_list(
    job: LicenseSyncJob, delivery: Delivery, report: feeds.ReadReport, work: Work, *, generation: int
) -> staging.Diff:
    """Write what a list changes, for this generation. The first one of a server is written while it is read; any other
    is read into temporary tables and compared with the last."""
    deployment, list_date = job.deployment, delivery.date
    enterprise = deployment.enterprise  # asked for here: while rows are read no other query may run
    total = delivery.rows or None

    def server_accounts() -> Iterator[list[feeds.ServerUserAccount]]:
        report.rows = report.invalid_emails = 0  # whoever reads again begins anew
        report.ignored_keys.clear()
        return (less.of_server(batch, enterprise) for batch in delivery.server_accounts(report))

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
        compare = staging.compare_server_list
    elif delivery.is_identities_alone:
        staging.stage_identities(delivery.identities(report), reading)
        compare = staging.compare_identities
    else:
        rows = (less.of_cloud(batch, enterprise) for batch in delivery.cloud_rows(report))
        linked = delivery.identities(feeds.ReadReport()) if delivery.brings_identities(deployment) else None
        staging.stage_cloud_list(rows, reading, linked)
        compare = staging.compare_cloud_list

    work.report(Phase.COMPARING, 0, None)
    diff = compare(deployment)
    _ask_if_shrinking(job, diff, delivery.recognition.kind)

    def writing(done: int) -> None:
        work.report(Phase.COMPARING, done, max(diff.read, diff.changed))

    if deployment.is_server:
        usage.apply_server_diff(deployment, generation=generation, list_date=list_date, progress=writing)
    else:
        usage.apply_cloud_diff(deployment, generation=generation, progress=writing)
    return diff


def _give_way_to_newer(deployment: Deployment, list_date: datetime) -> None:
    """Raise Overtaken when a list is there that is newer than one that was fetched. A date to come is of a clock that
    was ahead then, which says nothing; nor does the list from before the fetch that only came once more."""
    is_newer = deployment.list_date is not None and list_date < deployment.list_date <= clock.now()
    if is_newer and has_taken_list_since(deployment, list_date):
        raise Overtaken


def _ask_if_shrinking(job: LicenseSyncJob, diff: staging.Diff, kind: feeds.FeedKind) -> None:
    """A partial list deletes nobody: when a list would remove many, the owner is asked first. The same if many accounts
    would become other people's, as by the list of another server: each counts its user ids from 1."""
    most = max(SHRINK_ACCOUNTS, diff.before * SHRINK_SHARE)
    is_added = job.kind == JobKind.FILE and job.trigger not in NOBODY_ANSWERS
    is_report = is_added and kind == feeds.FeedKind.SERVER_REPORT
    is_of_active = is_report and diff.removed > SHRINK_ACCOUNTS and _lacks_idle(job)
    is_shrinking, is_of_others = diff.removed > most or is_of_active, diff.replaced > most
    is_unlinking = diff.unlinked > max(SHRINK_ACCOUNTS, diff.linked * SHRINK_SHARE)
    if not (is_shrinking or is_of_others or is_unlinking) or syncing.accepts_shrink(job):
        return
    if is_unlinking and not is_shrinking:
        raise Unanswered(Question.FEWER_IDENTITIES, removed=diff.unlinked, before=diff.linked)
    params: dict[str, str | int] = {"before": diff.before, "source": str(job.deployment)}
    if is_of_others:
        raise Unanswered(Question.OTHER_PEOPLE, replaced=diff.replaced, **params)
    raise Unanswered(Question.SHRINKS, removed=diff.removed, added=diff.added, **params)


def _lacks_idle(job: LicenseSyncJob) -> bool:
    """Whether a site-admin report has nobody who is suspended or dormant, though the last list had: the report of
    active users has the same columns as the one of all users."""
    had_idle = bool(job.deployment.suspended or job.deployment.dormant)
    return had_idle and not staging.has_idle()


def _show(
    job: LicenseSyncJob,
    count: Count,
    delivery: Delivery,
    diff: staging.Diff,
    report: feeds.ReadReport,
    *,
    facts: feeds.ServerFacts | None,
    host: str,
    only_here: dict[int, int],
    similar: Deployment | None,
) -> None:
    """Everything becomes visible in one short transaction, if the job is still ours."""
    deployment, enterprise = job.deployment, count.enterprise
    now = figures(deployment)
    brings_cloud_list = not (deployment.is_server or delivery.is_identities_alone)
    accounts, suspended = deployments.accounts_elsewhere(deployment)
    count.accounts, count.suspended = now.accounts + accounts, now.suspended + suspended
    before = current_count(enterprise)
    with flip(count, only_here):
        if not syncing.succeed(
            job,
            accounts_read=diff.read,
            accounts_added=diff.added,
            accounts_changed=diff.changed - diff.only_active,
            accounts_removed=diff.removed,
            accounts_suspended=now.suspended,
            invalid_emails=report.invalid_emails,
            ignored_keys=report.ignored_keys,
            unused_subscriptions=diff.read - now.accounts if brings_cloud_list else 0,
            looks_like=similar,
            forgets_dormancy=deployment.dormant is not None and now.dormant is None,
            licenses_before=before.consumed if before else None,
            licenses_after=count.consumed,
        ):
            raise ClaimLost
        if facts is not None:
            deployments.take_facts(deployment, facts)
        if delivery.brings_identities(deployment):
            deployments.show_identities(deployment, identities_at=delivery.date)
        if not delivery.is_identities_alone:
            deployments.show_list(
                deployment,
                host=host,
                last_event=delivery.event_at(deployment),
                last_usage_at=clock.now(),
                list_date=delivery.date,
                list_digest=delivery.digest if _is_kept_as_now(enterprise, deployment.enterprise) else "",
                accounts=now.accounts,
                suspended=now.suspended,
                dormant=now.dormant,
                total_seats_consumed=delivery.recognition.total_seats_consumed,
                total_seats_purchased=delivery.recognition.total_seats_purchased,
            )


def _is_kept_as_now(enterprise: Enterprise, read_for: Enterprise) -> bool:
    """Whether what is kept of people is as it was when the list was read; if not, the list has to be read again."""
    kept = {"keeps_names": read_for.keeps_names, "keeps_secondary_emails": read_for.keeps_secondary_emails}
    return Enterprise.objects.filter(pk=enterprise.pk, **kept).exists()
