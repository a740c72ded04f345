"""Which waiting job is next: who waits comes first, enterprises take turns, nobody is woken to wait."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone

from licensesync.enterprises.models import Deployment, DeploymentKind, Enterprise
from licensesync.flows import queue, run_job
from licensesync.licenses import services as licenses
from licensesync.syncing import order
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobState, LicenseSyncJob
from tests.flows.lists import new_enterprise

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(enterprise: Enterprise, *, trigger: str = "scheduled", kind: str = "sync", **more: Any) -> LicenseSyncJob:
    number = Deployment.objects.count()
    deployment = Deployment.objects.create(enterprise=enterprise, kind=DeploymentKind.SERVER, host=f"{number}.example")
    return LicenseSyncJob.objects.create(deployment=deployment, trigger=trigger, kind=kind, **more)


def next_ids() -> list[int]:
    return [job.id for job in order.due_jobs()]


def done(job_id: int) -> None:
    job = syncing.claim(job_id)
    assert job is not None
    assert syncing.succeed(job, accounts_read=0)


def test_a_slow_enterprise_holds_up_nobody() -> None:
    """Two hundred jobs of one enterprise, three of another that came later: they alternate from the start."""
    slow, quick = new_enterprise(), new_enterprise()
    many = [waiting(slow).pk for _ in range(200)]
    few = [waiting(quick).pk for _ in range(3)]
    taken = []
    for _ in range(6):
        taken.append(next_ids()[0])
        done(taken[-1])
    assert taken == [many[0], few[0], many[1], few[1], many[2], few[2]]


def test_who_has_a_job_at_work_gets_the_second_worker_last() -> None:
    slow, quick = new_enterprise(), new_enterprise()
    first, second = waiting(slow), waiting(slow)
    assert syncing.claim(first.pk)
    other = waiting(quick)
    LicenseSyncJob.objects.create(
        deployment=other.deployment, trigger="scheduled", kind="sync", state=JobState.SUCCESS, started_at=timezone.now()
    )
    assert next_ids() == [other.pk, second.pk]


def test_what_people_wait_for_comes_before_what_nobody_waits_for() -> None:
    enterprise, other = new_enterprise(), new_enterprise()
    scheduled, pushed = waiting(enterprise), waiting(enterprise, trigger="pushed")
    uploaded = waiting(other, trigger="uploaded", kind="file")
    asked = waiting(enterprise, trigger="sync_now")
    assert set(next_ids()[:2]) == {uploaded.pk, asked.pk}
    assert next_ids()[2:] == [scheduled.pk, pushed.pk]


def test_what_is_not_due_does_not_come() -> None:
    waiting(new_enterprise(), not_before=timezone.now() + timedelta(minutes=1))
    assert next_ids() == []


def test_a_file_waits_while_its_enterprise_is_counted_and_a_fetch_does_not() -> None:
    enterprise = new_enterprise()
    counting = syncing.claim(waiting(enterprise, kind="file").pk)
    assert counting is not None
    assert licenses.begin_count(enterprise.pk, owner=counting.claim_token)
    file, fetch = waiting(enterprise, kind="file"), waiting(enterprise, kind="sync")
    assert next_ids() == [fetch.pk]
    assert syncing.succeed(counting, accounts_read=0)  # its worker died before it gave the turn back
    assert next_ids() == [file.pk, fetch.pk]


def test_a_worker_that_is_kept_for_people_takes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def take(job_id: int) -> bool:
        taken.append(job_id)
        return True

    monkeypatch.setattr(run_job, "run_job", take)
    scheduled = waiting(new_enterprise())
    uploaded = waiting(new_enterprise(), trigger="uploaded", kind="file")
    run_job.run_next(uploaded.pk)
    run_job.run_next(scheduled.pk)
    assert taken == [uploaded.pk, uploaded.pk], "the others take what people wait for, too"
    LicenseSyncJob.objects.filter(pk=uploaded.pk).update(state=JobState.SUCCESS)
    run_job.run_next(uploaded.pk)
    assert len(taken) == 2
    run_job.run_next(scheduled.pk)
    assert taken[2:] == [scheduled.pk]


def test_messages_do_not_pile_up_while_no_worker_is_free() -> None:
    empty_the_queues()
    enterprise = new_enterprise()
    for _ in range(3):
        waiting(enterprise)
    waiting(enterprise, trigger="uploaded", kind="file")
    for _ in range(5):
        queue.run_due_jobs()
    assert queue.waiting_messages(queue.SCHEDULED) == 3
    assert queue.waiting_messages(queue.INTERACTIVE) == 1
    empty_the_queues()
    queue.run_due_jobs()
    assert queue.waiting_messages(queue.SCHEDULED) == 3, "lost messages are sent again"
    empty_the_queues()


def test_every_queue_that_is_sent_to_is_known_to_workers() -> None:
    assert set(current_app.amqp.queues) == set(queue.QUEUES)


def empty_the_queues() -> None:
    current_app.control.purge()
