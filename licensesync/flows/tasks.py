"""What workers can be asked to do. Each calls one flow, with an id or for all; running twice equals running once."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import shared_task
from celery.exceptions import Ignore
from django.db import DatabaseError

from licensesync.flows import compare as comparing
from licensesync.flows import delete_enterprise as deleting
from licensesync.flows import forget, mail_password_link, receive_usage, sync_now
from licensesync.flows import run_job as running
from licensesync.flows import sweep as sweeping
from licensesync.flows.mishaps import is_busy, may_pass

log = structlog.get_logger()


@contextmanager
def _asked_again_soon() -> Iterator[None]:
    """For tasks that the scheduler, the sweep or a page sends again: while the database is away or busy, log one line
    and no traceback. The task counts as not done."""
    try:
        yield
    except DatabaseError as error:
        if not may_pass(error):
            raise
        log.warning("database_busy" if is_busy(error) else "database_away", error=" ".join(str(error).split()))
        raise Ignore from None


@shared_task(name="licensesync.recognise_file")
@_asked_again_soon()
def recognise_file(file_id: int) -> None:
    receive_usage.recognise_file(file_id)


@shared_task(name="licensesync.run_job")
@_asked_again_soon()
def run_job(job_id: int) -> None:
    running.run_next(job_id)


@shared_task(name="licensesync.mail_password_link")
@_asked_again_soon()
def mail_link(request_id: int) -> None:
    mail_password_link.mail_password_link(request_id)


@shared_task(name="licensesync.compare")
@_asked_again_soon()
def compare(enterprise_id: int, *, somebody_waits: bool = False) -> None:
    comparing.compare(enterprise_id, somebody_waits=somebody_waits)


@shared_task(name="licensesync.delete_enterprise")
@_asked_again_soon()
def delete_enterprise(enterprise_id: int) -> None:
    deleting.delete(enterprise_id)


@shared_task(name="licensesync.sweep")
@_asked_again_soon()
def sweep() -> None:
    sweeping.sweep()


@shared_task(name="licensesync.schedule")
@_asked_again_soon()
def schedule() -> None:
    sync_now.request_due()


@shared_task(name="licensesync.forget")
@_asked_again_soon()
def forget_old() -> None:
    forget.forget_old()
