"""The one door to the queue. A message is a hint; when it is lost, the sweep finds the row.

Four queues, so that nothing waits behind what takes much longer than itself (docs/architecture.md).
"""

from collections.abc import Iterable
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from licensesync.syncing import order

log = structlog.get_logger()

INTERACTIVE = "interactive"  # jobs behind which a person waits: uploads, Sync now
SCHEDULED = "scheduled"  # jobs of the weekly sync and of pushes
SHORT = "short"  # what takes seconds and somebody waits for: looking at a file, a mail
UPKEEP = "upkeep"  # sweeping, scheduling, forgetting, comparing, deleting enterprises
QUEUES = (INTERACTIVE, SCHEDULED, SHORT, UPKEEP)
OF_JOBS, OF_SMALL_THINGS = (INTERACTIVE, SCHEDULED), (UPKEEP, SHORT)  # what the two kinds of workers listen to


def recognise_file(file_id: int) -> None:
    """Have a stored file looked at, once the transaction is committed."""
    transaction.on_commit(lambda: _send("licensesync.recognise_file", file_id))


def announce_job(job_id: int) -> None:
    """Have a waiting job worked on, once the transaction is committed."""
    transaction.on_commit(lambda: _announce([order.DueJob(job_id, order.is_unattended(job_id))]))


def mail_password_link(request_id: int) -> None:
    """Have a link to a new password mailed, once the transaction is committed."""
    transaction.on_commit(lambda: _send("licensesync.mail_password_link", request_id))


def compare(enterprise_id: int, *, somebody_waits: bool) -> None:
    """Have the last count of an enterprise compared with GitHub's."""
    _send("licensesync.compare", enterprise_id, queue=UPKEEP, somebody_waits=somebody_waits)


def delete_enterprise(enterprise_id: int) -> None:
    """Have what is stored of an enterprise deleted, once the transaction is committed."""
    transaction.on_commit(lambda: _send("licensesync.delete_enterprise", enterprise_id, queue=UPKEEP))


def run_due_jobs() -> None:
    """See to it that as many messages wait as jobs: none is forgotten, and messages never pile up."""
    due = order.due_jobs()
    for is_unattended in (False, True):
        jobs = [job for job in due if job.is_unattended == is_unattended]
        if jobs:
            _announce(jobs[: missing_messages(_queue_of(jobs[0]), waiting=len(jobs))])


def waiting_messages(queue: str) -> int:
    """How many messages nobody has taken from a queue yet. OperationalError: the queue can't be reached."""
    with current_app.connection_for_write() as connection:
        unreachable: Any = (*connection.connection_errors, *connection.channel_errors, OSError)
        try:
            channel: Any = connection.channel()
            return int(channel.queue_declare(queue=queue).message_count)
        except unreachable as error:
            raise OperationalError(str(error)) from error


def missing_messages(queue: str, *, waiting: int) -> int:
    """How many messages to send so that there is one for each of `waiting`; 0 while the queue can't be reached."""
    try:
        return max(waiting - waiting_messages(queue), 0) if waiting else 0
    except OperationalError as error:
        log.warning("queue_unreachable", queue=queue, error=str(error))
        return 0


def _queue_of(job: order.DueJob) -> str:
    return SCHEDULED if job.is_unattended else INTERACTIVE


def _announce(jobs: Iterable[order.DueJob]) -> None:
    for job in jobs:
        _send("licensesync.run_job", job.id, queue=_queue_of(job))


def _send(task: str, row_id: int, *, queue: str = SHORT, **how: bool) -> None:
    try:
        current_app.send_task(task, args=[row_id], kwargs=how, queue=queue)
    except (OperationalError, OSError) as error:
        log.warning("queue_unreachable", task=task, id=row_id, error=str(error))
