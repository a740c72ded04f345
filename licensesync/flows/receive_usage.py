"""A file arrives: stored, recognised, asked about where only a person knows (`decide`), and then a job (`take_in`).

From top to bottom: `receive_file` is called by whoever got a file (upload form, script) and returns at once; the
worker runs `recognise_file`; `answer` and `discard` are what an owner can do with a question. `import_files` does the
same in the foreground.
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Required, TypedDict, Unpack

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from licensesync import feeds
from licensesync.enterprises import audit_log, deployments
from licensesync.enterprises.audit_log import Actor
from licensesync.enterprises.models import AuditAction, Deployment, Enterprise, Through
from licensesync.errors import (
    BEING_DELETED,
    DATABASE_BUSY,
    STILL_DOUBTED,
    UNEXPECTED_WITH_FILE,
    ExpectedError,
)
from licensesync.feeds.records import FeedKind
from licensesync.flows import payloads, queue
from licensesync.flows.decide import LATE, ask_anew, decide
from licensesync.flows.mishaps import expected_error, is_cut_off
from licensesync.syncing import clock, usage_files
from licensesync.syncing.models import FileState, Trigger, UsageFile
from licensesync.users.models import User

log = structlog.get_logger()


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
            with audit_log.acting(lambda: _who_brought(file)):  # a list may be the first of its instance
                decide(together)
        except Exception as error:
            expected = expected_error(error, otherwise=ExpectedError(UNEXPECTED_WITH_FILE, file=file.pk))
            if expected.problem is DATABASE_BUSY or is_cut_off(error):  # the sweep has it looked at again
                raise
            log.exception("file_not_decided", file=file.pk)
            usage_files.refuse(together, expected)


def _who_brought(file: UsageFile) -> Actor:
    if file.uploaded_by is None:
        return Actor()
    return Actor(file.uploaded_by, Through.BROWSER if file.trigger == Trigger.UPLOADED else Through.API)


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
    """The files that came together with `one` and can be decided now, pages of one cloud list together, and with them
    those of the linked identities of its accounts.

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
    pages = [file for file in files if file.kind and FeedKind(file.kind).is_page]
    for file in files:
        if file.kind and file not in pages:
            yield [file]
    if pages and all(file.kind for file in files):
        is_complete = arrived >= pages[0].batch_size
        if is_complete or clock.now() - pages[-1].created_at > LATE:
            yield pages


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
        if accept_older and ask_anew(files):
            return True
        if new_host is not None:
            server = deployments.server_named(file.enterprise, new_host)
        if server is not None and files[0].doubts_server and server.pk == files[0].deployment_id:
            raise ExpectedError(STILL_DOUBTED, source=str(server))
        said = str(server) if server else "accepted"
        answered = {files[0].question: [None, said]}
        audit_log.record(file.enterprise, AuditAction.USAGE_ANSWER, file.name, changes=answered)
        usage_files.take_answer(files, deployment=server, accept_older=accept_older, accept_shrink=accept_shrink)
        decide(files, is_answered=True)
    return True


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
