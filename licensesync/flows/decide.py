"""A recognised list becomes a job, or a question to its owner, or is refused: which deployment is it of, and does it
count beside those that are there or wait? When the turn of its job has come, that is asked once more (`take_in`), since
others may have come in between."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from django.db import transaction

from licensesync import feeds
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, DeploymentKind
from licensesync.errors import (
    BEING_DELETED,
    IDENTITIES_MISSING,
    LAST_PAGE_MISSING,
    NO_CLOUD_LIST,
    PAGES_MISSING,
    REPLACED,
    SERVER_CONFLICT,
    USERS_ENCRYPTED,
    WRONG_SOURCE,
    ExpectedError,
)
from licensesync.flows import queue
from licensesync.flows.delivery import Delivery, Unanswered, ask_if_older
from licensesync.syncing import clock, usage_files
from licensesync.syncing import services as syncing
from licensesync.syncing.models import OPEN_STATES, JobKind, JobState, LicenseSyncJob, Question, Trigger, UsageFile
from licensesync.usage.queries import LOOKED_AT, server_with
from licensesync.users.models import User

# How long pages of a cloud list wait for the next file of their batch; and how long after its arrival a list may still
# be refused because another one has overtaken it. After that it is decided about like any other.
LATE = timedelta(minutes=2)


def decide(files: list[UsageFile], *, is_answered: bool = False) -> LicenseSyncJob | None:
    """Turn files of one list into a job, or ask, or refuse where nobody can be asked. Of two workers one decides."""
    with transaction.atomic():
        if not usage_files.hold_recognising(files):
            return None
        try:
            return _job_for(Delivery(files), is_answered=is_answered)
        except Unanswered as unanswered:
            if files[0].somebody_answers:
                usage_files.ask(files, unanswered.question, **unanswered.params)
            else:
                usage_files.refuse(files, unanswered.refusal)
        except ExpectedError as error:
            usage_files.refuse(files, error)
    return None


def ask_anew(files: list[UsageFile]) -> bool:
    """Ask once more about an older list if another one has come since the owner was asked: the question named a list
    that is no longer the newest."""
    told = files[0].question_params.get("stored_date")
    try:
        delivery = Delivery(files)
        deployment = _source(delivery)
        _ask_if_older(delivery, deployment, _waiting(delivery, deployment))
    except Unanswered as again:
        if again.question == Question.OLDER and again.params["stored_date"] != told:
            usage_files.ask(files, again.question, **again.params)
            return True
    except ExpectedError:
        pass  # deciding finds it too
    return False


def _job_for(delivery: Delivery, *, is_answered: bool) -> LicenseSyncJob | None:
    """The job of a list; None where its users are encrypted. Raises Unanswered or ExpectedError."""
    first, files = delivery.first, delivery.files
    deployment = _source(delivery)
    syncing.hold_to_add(deployment)
    deployment.refresh_from_db()
    if delivery.recognition.users_encrypted:
        exported_at = delivery.server.exported_at
        if not (deployment.list_date and exported_at and exported_at < deployment.list_date):
            deployments.take_facts(deployment, delivery.server, list_encrypted_at=clock.now())
        usage_files.refuse(files, ExpectedError(USERS_ENCRYPTED, source=str(deployment)), deployment=deployment)
        return None
    _refuse_missing_pages(delivery)
    _refuse_missing_identities(delivery)
    waiting = _waiting(delivery, deployment)
    is_shown = delivery.digest == deployment.list_digest and not waiting and not delivery.is_identities_alone
    if is_shown and (same := _last_good_job(deployment)):
        usage_files.accept_as(files, same)
        event = delivery.event_at(deployment)
        dates = {"identities_at": delivery.date} if delivery.identity_files else {}
        deployments.list_came_again(deployment, event=event, taken_at=clock.now(), list_date=delivery.date, **dates)
        return same
    if not first.accept_older:
        if not is_answered:  # what somebody has just said something about is wanted
            _refuse_if_overtaken(delivery, deployment, waiting)
        _ask_if_older(delivery, deployment, waiting)
    job = syncing.create_file_job(
        deployment=deployment,
        trigger=_trigger(first),
        requested_by=_whose(first),
        files=files,
        kind=JobKind.IDENTITIES if delivery.is_identities_alone else JobKind.FILE,
        accept_older=first.accept_older,
        accept_shrink=first.accept_shrink,
    )
    queue.announce_job(job.pk)
    return job


def _waiting(delivery: Delivery, deployment: Deployment) -> list[Delivery]:
    """The lists of the same sort that are not taken in yet."""
    files = UsageFile.objects.filter(job__deployment=deployment, job__state__in=OPEN_STATES).order_by("job_id", "pk")
    waiting = [Delivery(list(together)) for _, together in groupby(files, key=attrgetter("job_id"))]
    return [each for each in waiting if each.is_identities_alone is delivery.is_identities_alone]


def _ask_if_older(delivery: Delivery, deployment: Deployment, waiting: Iterable[Delivery]) -> None:
    """Raise Unanswered when a list is older than the one that is there, or than one that waits."""
    there = delivery.date_there(deployment)
    dates = [other.date for other in waiting] + ([there] if there else [])
    ask_if_older(deployment, delivery.date_to_ask_about(deployment), than=max(dates, default=None))


def _refuse_if_overtaken(delivery: Delivery, deployment: Deployment, waiting: Iterable[Delivery]) -> None:
    """Of lists that don't say when they were made, the last to arrive counts, even if the first took longer to be
    recognised. Nobody needs to be asked about that. ExpectedError(REPLACED)."""
    came = delivery.first.created_at
    if delivery.server.exported_at or clock.now() - came > LATE:
        return
    dates = [other.first.created_at for other in waiting if not other.server.exported_at]
    if max([*dates, delivery.date_there(deployment) or came]) > came:
        raise ExpectedError(REPLACED, source=str(deployment))


def _whose(file: UsageFile) -> User | None:
    """Who added a file, or asked for the sync that fetched it; None where that account is gone meanwhile."""
    user_id = file.uploaded_by_id or (file.job.requested_by_id if file.job else None)
    return User.objects.filter(pk=user_id).first() if user_id else None


def _trigger(file: UsageFile) -> str:
    """A fetched list that had to be confirmed keeps the trigger of its sync; tried again, it is somebody's click."""
    if file.job is not None:
        return file.job.trigger
    return Trigger.SYNC_NOW if file.is_fetched else file.trigger


def _source(delivery: Delivery) -> Deployment:
    """The deployment that a list is from."""
    file, facts = delivery.first, delivery.server
    if file.trigger == Trigger.PUSHED:
        _refuse_list_of_other(delivery)
    if delivery.is_identities_alone and not _has_cloud_list(delivery):
        raise ExpectedError(NO_CLOUD_LIST)
    if delivery.recognition.kind.is_cloud:
        return deployments.cloud_of(file.enterprise)
    if file.deployment is not None:
        chosen = Deployment.objects.filter(pk=file.deployment.pk).first()  # as it is now, not as it was then
        if chosen is None:
            raise ExpectedError(BEING_DELETED, source=str(file.deployment))
        return chosen
    if file.host:
        if deployments.belongs_elsewhere(file.enterprise, facts, host=file.host):
            raise ExpectedError(WRONG_SOURCE, found=facts.host, source=file.host)
        return deployments.server_named(file.enterprise, file.host)
    try:
        found = deployments.server_of(file.enterprise, facts)
    except ExpectedError as conflict:
        if conflict.problem is not SERVER_CONFLICT:
            raise
        raise Unanswered(Question.SERVER_CONFLICT, **conflict.params) from conflict
    if found is None:
        likely = _server_by_accounts(delivery)
        raise Unanswered(Question.WHICH_SERVER, **({"likely": likely.pk} if likely else {}))
    return found


def _server_by_accounts(delivery: Delivery) -> Deployment | None:
    """The server that has the first accounts of a report which names none: a suggestion, no more."""
    accounts = delivery.server_accounts(feeds.ReadReport(), batch_size=LOOKED_AT)
    try:
        first = next(accounts, [])  # as many as come at once: at least that many, or some ten thousand
    except ExpectedError:  # whoever takes the list in tells what is wrong with it
        return None
    return server_with(delivery.first.enterprise, {account.user_id: account.login for account in first[:LOOKED_AT]})


def _refuse_list_of_other(delivery: Delivery) -> None:
    """A token of one deployment never brings another one's list there, whether by mistake or because it is stolen."""
    source, facts, is_cloud = delivery.first.deployment, delivery.server, delivery.recognition.kind.is_cloud
    if source is None:
        return
    other = deployments.other_of(source, facts)
    has_other_id = bool(facts.server_id and source.server_id) and facts.server_id != source.server_id
    if other is not None or has_other_id or is_cloud is source.is_server:
        found = "GitHub Enterprise Cloud" if is_cloud else str(other or facts.host or "Enterprise Server")
        raise ExpectedError(WRONG_SOURCE, found=found, source=str(source))


def _refuse_missing_pages(delivery: Delivery) -> None:
    """A cloud list with fewer rows than its own total is not the whole list."""
    said = delivery.recognitions
    rows, total = sum(each.rows for each in said), max((each.total_seats_consumed or 0 for each in said), default=0)
    if rows < total:
        raise ExpectedError(PAGES_MISSING, rows=rows, total=total, missing=total - rows)


def _refuse_missing_identities(delivery: Delivery) -> None:
    """The same of linked identities, which say how many there are, and on each page whether another one follows."""
    said = delivery.identity_recognitions
    rows, total = sum(each.rows for each in said), max((each.total_identities or 0 for each in said), default=0)
    if rows < total:
        raise ExpectedError(IDENTITIES_MISSING, rows=rows, total=total)
    if said and all(each.more_follows for each in said):
        raise ExpectedError(LAST_PAGE_MISSING)


def _has_cloud_list(delivery: Delivery) -> bool:
    """Whether there are accounts to which linked identities can belong, or will be when their turn comes."""
    clouds = Deployment.objects.filter(enterprise=delivery.first.enterprise_id, kind=DeploymentKind.CLOUD)
    is_coming = UsageFile.objects.filter(job__deployment__in=clouds, job__state__in=OPEN_STATES).exists()
    return is_coming or clouds.filter(list_date__isnull=False).exists()


def _last_good_job(deployment: Deployment) -> LicenseSyncJob | None:
    good = LicenseSyncJob.objects.filter(deployment=deployment, state=JobState.SUCCESS)
    return good.exclude(kind=JobKind.IDENTITIES).order_by("-pk").first()
