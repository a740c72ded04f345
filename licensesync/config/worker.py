"""What a worker does besides its tasks: at its start, while it lives, and when it is asked to stop."""

from typing import Any

import structlog
from celery import current_app
from celery.signals import (
    task_postrun,
    task_prerun,
    worker_init,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from celery.states import IGNORED
from celery.worker.state import reserved_requests
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from licensesync.config.database import bound
from licensesync.config.newer_tables import our_migrations, unknown_change
from licensesync.operations import services as operations
from licensesync.syncing import working

log = structlog.get_logger()

LOCK_SECONDS = 60  # a job that waits longer for a row ends with a sentence instead of standing for ever


@worker_init.connect
def _remember_our_migrations(**_: object) -> None:
    our_migrations()  # before processes are forked


@worker_ready.connect
def _begin(sender: Any, **_: object) -> None:
    """Sweep what the last worker left behind now, not at the next beat of the clock; and be seen from now on."""
    current_app.send_task("licensesync.sweep", expires=30)
    name, queues = sender.hostname, list(current_app.amqp.queues.consume_from)
    _say(name, queues, just_started=True)
    sender.timer.call_repeatedly(settings.SEEN_SECONDS, _say, (name, queues))
    sender.timer.call_repeatedly(settings.SEEN_SECONDS, Listening(sender).check)


class Listening:
    """Whether a worker still takes messages. One that it could not acknowledge, as Redis was away, counts as being
    worked on for ever. With as many of those as it has processes, the worker asks for no more, and so never learns that
    the connection is gone."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.was_lost = False

    def check(self) -> None:
        """Raise ConnectionError, at which Celery connects anew, when that was so the last time as well."""
        consumer = self.consumer.task_consumer
        if consumer is None:
            return
        qos = consumer.channel.qos
        unacknowledged = qos.prefetch_count - (qos.can_consume_max_estimate() or 0)
        is_lost = bool(qos.prefetch_count) and unacknowledged > len(reserved_requests)
        if is_lost and self.was_lost:
            self.was_lost = False
            raise ConnectionError("A message could not be acknowledged.")
        self.was_lost = is_lost


def _say(name: str, queues: list[str], *, just_started: bool = False) -> None:
    try:
        if not unknown_change():  # who leaves all work to newer ones is none of those who work on a queue
            operations.note_seen(name, queues=queues, just_started=just_started)
    except DatabaseError as error:
        log.warning("not_seen", worker=name, error=str(error))
    finally:
        connection.close()  # the processes that are forked from this one must not find it


@worker_shutting_down.connect
def _hand_back_what_takes_long(**_: object) -> None:
    """Jobs may finish for a while; what is not done by then is given back for another worker."""
    working.stop_soon()


@worker_shutdown.connect
def _end(sender: Any, **_: object) -> None:
    try:
        operations.note_gone(sender.hostname)
    except DatabaseError as error:
        log.warning("not_seen", worker=sender.hostname, error=str(error))


@task_prerun.connect
def _name_what_is_done_for(task: Any, **_: object) -> None:
    """Lines of a task name the request that wanted it, and keep nothing of the task before."""
    structlog.contextvars.clear_contextvars()
    if request := getattr(task.request, "request_id", None):
        structlog.contextvars.bind_contextvars(request=request)


@task_postrun.connect
def see_the_scheduler(task: Any, state: str = "", **_: object) -> None:
    """A sweep that was done shows that the scheduler, the queue and the worker for small things all live."""
    if task.name == "licensesync.sweep" and state != IGNORED:
        try:
            operations.note_seen(operations.SCHEDULER)
        except DatabaseError as error:
            log.warning("not_seen", worker=operations.SCHEDULER, error=str(error))
            connection.close()


@receiver(connection_created)
def _wait_for_locks_with_patience(connection: BaseDatabaseWrapper, **_: object) -> None:
    bound(connection, lock_seconds=LOCK_SECONDS)
