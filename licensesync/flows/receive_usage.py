"""A file arrives: stored, recognised, asked about where only a person knows, and then a job (`take_in`).

From top to bottom: `receive_file` is called by whoever got a file (upload form, script) and returns at once; the
worker runs `recognise_file`; `answer` and `discard` are what an owner can do with a question. `import_files` does the
same in the foreground.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import IO, Required, TypedDict, Unpack

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from licensesync import feeds
from licensesync.enterprises import deployments
from licensesync.enterprises.models import Deployment, Enterprise
from licensesync.errors import (
    BEING_DELETED,
    DATABASE_BUSY,
    PAGES_MISSING,
    REPLACED,
    SERVER_CONFLICT,
    STILL_DOUBTED,
    UNEXPECTED_WITH_FILE,
    USERS_ENCRYPTED,
    WRONG_SOURCE,
    ExpectedError,
)
from licensesync.feeds.records import FeedKind
from licensesync.flows import payloads, queue
from licensesync.flows.delivery import Delivery, Unanswered, ask_if_older
from licensesync.flows.mishaps import expected_error, is_cut_off
from licensesync.syncing import clock, usage_files
from licensesync.syncing import services as syncing
from licensesync.syncing.models import OPEN_STATES, FileState, JobState, LicenseSyncJob, Question, Trigger, UsageFile
from licensesync.usage.queries import LOOKED_AT, server_with
from licensesync.users.models import User

log = structlog.get_logger()

# So long pages of a cloud list wait for the next file of their batch; and so long a list that another has overtaken was
# not late itself.
LATE = timedelta(minutes=2)


class Said(TypedDict, total=False):
    """What may be said of a file; what is not said is as `UsageFile` has it.

    Files of one `batch` were added together, `batch_size` of them: pages of a cloud list wait for each other.
    `deployment` or `host`: the sender already said which instance it is from, which `host` may name for the first time.
    Where `trigger` says that nobody can be asked, the sender has to say beforehand what an owner would be asked for.
    """

    uploaded_by: Required[User | None]
    batch: uuid.UUID
    batch_size: int
    deployment: Deployment | None
    host: str
    trigger: Trigger
    accept_older: bool
    accept_shrink: bool


def receive_file(
    content: IO[bytes],
    *,
    enterprise: Enterprise,
    name: str,
    check: Callable[[], object] = lambda: None,
    **said: Unpack[Said],
) -> UsageFile:
    """Store a file privately and have it looked at. ExpectedError: larger than allowed.

    `check` runs when all bytes are there, and may raise: then nothing of them stays.
    """
    file = store_file(content, enterprise=enterprise, name=name, check=check, **said)
    queue.recognise_file(file.pk)
    return file


def store_file(
    content: IO[bytes],
    *,
    enterprise: Enterprise,
    name: str,
    check: Callable[[], object] = lambda: None,
    **said: Unpack[Said],
) -> UsageFile:
    """Store a file privately, for whoever looks at it next. ExpectedError as of `receive_file`."""
    stored = payloads.store(content, limit=settings.MAX_UPLOAD_BYTES)
    try:
        check()
        return usage_files.create_file(
            enterprise,
            name=Path(name).name[:255] or "file",
            stored_name=stored.name,
            size=stored.size,
            digest=stored.digest,
            **said,
        )
    except BaseException as error:
        stored.path.unlink(missing_ok=True)
        if isinstance(error, IntegrityError):  # the enterprise, or the instance, was deleted while the bytes came
            raise ExpectedError(BEING_DELETED, source=enterprise.name) from error
        raise


def recognise_file(file_id: int) -> None:
    """Find out what a stored file is; then decide about it, or about all pages of its list once all are known."""
    file = UsageFile.objects.filter(pk=file_id, state=FileState.RECOGNISING).first()
    if file is None:  # it is decided, or deleted with its deployment or enterprise
        return
    look_at(file)
    for together in lists_of(file):
        try:
            decide(together)
        except Exception as error:
            expected = expected_error(error, otherwise=ExpectedError(UNEXPECTED_WITH_FILE, file=file.pk))
            if expected.problem is DATABASE_BUSY or is_cut_off(error):  # the sweep has it looked at again
                raise
            log.exception("file_not_decided", file=file.pk)
            usage_files.refuse(together, expected)


def look_at(file: UsageFile) -> None:
    """Note what a file is, or refuse it. Another worker that looks at it just now is left alone."""
    if file.kind:  # known since an earlier look: it waits for other pages, or is decided about again
        return
    try:
        with payloads.held(file) as is_ours:
            if not is_ours or not usage_files.begin_attempt(file):
                return
            recognition = feeds.recognise(payloads.path_of(file), max_unpacked_bytes=settings.MAX_UNPACKED_BYTES)
    except Exception as error:
        expected = expected_error(error, otherwise=ExpectedError(UNEXPECTED_WITH_FILE, file=file.pk))
        if expected.problem is DATABASE_BUSY or is_cut_off(error):
            raise
        if expected is not error:
            log.exception("file_not_recognised", file=file.pk)
        usage_files.refuse([file], expected)
    else:
        usage_files.note_recognition(file, recognition)


def lists_of(one: UsageFile) -> Iterator[list[UsageFile]]:
    """The files that came together with `one` and can be decided now, pages of one cloud list together.

    Pages wait for the whole batch, or until nothing more has come for a while (an upload was canceled); everything
    else is decided alone and at once.
    """
    batch_files = UsageFile.objects.filter(batch=one.batch, enterprise=one.enterprise_id)
    arrived = batch_files.count()  # before they are read: a page that arrives in between must not count as read
    files = list(
        batch_files.filter(state=FileState.RECOGNISING)
        .select_related("enterprise", "deployment", "uploaded_by")
        .order_by("pk")
    )
    pages = [file for file in files if file.kind == FeedKind.CLOUD_LICENSES]
    for file in files:
        if file.kind and file not in pages:
            yield [file]
    if pages and all(file.kind for file in files):
        is_complete = arrived >= pages[0].batch_size
        if is_complete or clock.now() - pages[-1].created_at > LATE:
            yield pages


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
    waiting = _waiting(deployment)
    is_shown = delivery.digest == deployment.list_digest and not waiting
    if is_shown and (same := _last_good_job(deployment)):
        usage_files.accept_as(files, same)
        event = delivery.event_at(deployment)
        deployments.list_came_again(deployment, event=event, taken_at=clock.now(), list_date=delivery.date)
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
        accept_older=first.accept_older,
        accept_shrink=first.accept_shrink,
    )
    queue.announce_job(job.pk)
    return job


def _waiting(deployment: Deployment) -> list[Delivery]:
    """The lists that are not taken in yet."""
    files = UsageFile.objects.filter(job__deployment=deployment, job__state__in=OPEN_STATES).order_by("job_id", "pk")
    return [Delivery(list(together)) for _, together in groupby(files, key=attrgetter("job_id"))]


def _ask_if_older(delivery: Delivery, deployment: Deployment, waiting: Iterable[Delivery]) -> None:
    """Raise Unanswered when a list is older than the one that is there, or than one that waits."""
    dates = [other.date for other in waiting] + ([deployment.list_date] if deployment.list_date else [])
    ask_if_older(deployment, delivery.date_to_ask_about(deployment), than=max(dates, default=None))


def _refuse_if_overtaken(delivery: Delivery, deployment: Deployment, waiting: Iterable[Delivery]) -> None:
    """Of lists that don't say when they were made the last one to come counts, also when both came within a second, and
    it took longer to find out what the first one is. That is no question for anybody. ExpectedError(REPLACED)."""
    came = delivery.first.created_at
    if delivery.server.exported_at or clock.now() - came > LATE:
        return
    dates = [other.first.created_at for other in waiting if not other.server.exported_at]
    if max([*dates, deployment.list_date or came]) > came:
        raise ExpectedError(REPLACED, source=str(deployment))


def _whose(file: UsageFile) -> User | None:
    """Who added a file, or asked for the sync that fetched it; None where that account is gone meanwhile."""
    user_id = file.uploaded_by_id or (file.job.requested_by_id if file.job else None)
    return User.objects.filter(pk=user_id).first() if user_id else None


def _trigger(file: UsageFile) -> str:
    """What a fetched list was asked for by stays so when it had to be confirmed; to try it again, somebody clicks."""
    if file.job is not None:
        return file.job.trigger
    return Trigger.SYNC_NOW if file.is_fetched else file.trigger


def _source(delivery: Delivery) -> Deployment:
    """The deployment that a list is from."""
    file, facts = delivery.first, delivery.server
    if file.trigger == Trigger.PUSHED:
        _refuse_list_of_other(delivery)
    if delivery.recognition.kind.is_cloud:
        return deployments.cloud_of(file.enterprise)
    if file.deployment is not None:
        return Deployment.objects.get(pk=file.deployment.pk)  # as it is now, not as it was when it was chosen
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
    """The server whose accounts the first ones of a report are, which does not say it: to be proposed, no more."""
    accounts = delivery.server_accounts(feeds.ReadReport(), batch_size=LOOKED_AT)
    try:
        first = next(accounts, [])  # as many as come at once: at least that many, or some ten thousand
    except ExpectedError:  # of what is wrong with it whoever takes it in tells
        return None
    return server_with(delivery.first.enterprise, {account.user_id: account.login for account in first[:LOOKED_AT]})


def _refuse_list_of_other(delivery: Delivery) -> None:
    """What may deliver for one deployment only puts nobody else's accounts there, by mistake or with a stolen token."""
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
    rows, total = delivery.rows, max(each.total_seats_consumed or 0 for each in delivery.recognitions)
    if rows < total:
        raise ExpectedError(PAGES_MISSING, rows=rows, total=total, missing=total - rows)


def _last_good_job(deployment: Deployment) -> LicenseSyncJob | None:
    return LicenseSyncJob.objects.filter(deployment=deployment, state=JobState.SUCCESS).order_by("-pk").first()


# What an owner answers ---------------------------------------------------------------------------------------------


def answer(
    file: UsageFile,
    *,
    asked: str = "",
    server: Deployment | None = None,
    new_host: str | None = None,
    accept_older: bool = False,
    accept_shrink: bool = False,
) -> bool:
    """Take the owner's answer, and go on with all files of its list. False: it asks nothing any more, or something else
    than `asked`.

    `server` or `new_host`: the instance that it is from. ExpectedError: the host name can't be one, or is that of the
    instance from which it does not seem to be.
    """
    with transaction.atomic():
        files = usage_files.asking_together(file)
        if not files or files[0].question != (asked or files[0].question):
            return False
        if accept_older and _asked_anew(files):
            return True
        if new_host is not None:
            server = deployments.server_named(file.enterprise, new_host)
        if server is not None and files[0].doubts_server and server.pk == files[0].deployment_id:
            raise ExpectedError(STILL_DOUBTED, source=str(server))
        usage_files.take_answer(files, deployment=server, accept_older=accept_older, accept_shrink=accept_shrink)
        decide(files, is_answered=True)
    return True


def _asked_anew(files: list[UsageFile]) -> bool:
    """Ask once more about an older list where another has come since the owner was asked: they were told of one that is
    not there any more."""
    told = files[0].question_params.get("stored_date")
    try:
        delivery = Delivery(files)
        deployment = _source(delivery)
        _ask_if_older(delivery, deployment, _waiting(deployment))
    except Unanswered as again:
        if again.question == Question.OLDER and again.params["stored_date"] != told:
            usage_files.ask(files, again.question, **again.params)
            return True
    except ExpectedError:
        pass  # deciding finds it too
    return False


def discard(file: UsageFile) -> bool:
    """The owner does not want this list after all, whatever it asks. False: it asks nothing any more."""
    with transaction.atomic():
        files = usage_files.asking_together(file)
        for each in files:
            usage_files.discard(each)
    return bool(files)


def try_again(file: UsageFile) -> bool:
    """Decide once more about the list of a file whose job failed or was canceled, as long as its bytes are stored;
    False when there is nothing to decide."""
    with transaction.atomic():
        files = usage_files.stopped_together(file)
        usage_files.look_again(files)
        for each in files:
            queue.recognise_file(each.pk)
    return bool(files)
