"""The clocks of several machines differ. What counts is the database's."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from licensesync.flows import receive_usage
from licensesync.operations import health
from licensesync.operations import services as operations
from licensesync.syncing import clock, order, queries
from licensesync.syncing import services as syncing
from licensesync.syncing.models import Phase
from licensesync.web.following import SOON, next_look
from tests.flows.lists import account, new_enterprise, server_export, waiting_job
from tests.flows.workers import together

pytestmark = pytest.mark.django_db(transaction=True)

AHEAD_AND_BEHIND = pytest.mark.parametrize("skew", [timedelta(minutes=10), timedelta(hours=-2)], ids=str)
MOMENT = timedelta(seconds=30)


@contextmanager
def on_machine(monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> Iterator[None]:
    """Work on a machine whose clock is so much ahead."""
    now = timezone.now
    with monkeypatch.context() as there:
        there.setattr(timezone, "now", lambda: now() + skew)
        yield


@pytest.fixture(autouse=True)
def _of_several_machines() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite is on one machine")


@AHEAD_AND_BEHIND
def test_a_job_stays_with_a_worker_whose_clock_is_wrong(monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> None:
    waiting = waiting_job(new_enterprise(), server_export([account(1)]))
    with on_machine(monkeypatch, skew):
        assert [due.id for due in order.due_jobs()] == [waiting.pk]
        job = syncing.claim(waiting.pk)
        assert job is not None
        assert syncing.beat(job, Phase.READING, 1, None)
    assert syncing.reap_stalled() == []


def test_a_sweep_that_stood_behind_a_lock_takes_no_job_from_a_living_worker(settings: Any) -> None:
    """When it gets to see the jobs, a heartbeat of just now is later than when it looked at the clock."""
    settings.STALLED_SECONDS = 0.5
    job = syncing.claim(waiting_job(new_enterprise(), server_export([account(1)])).pk)
    assert job is not None
    reaped: list[Any] = []
    sweep = threading.Thread(target=together, args=(lambda: reaped.extend(syncing.reap_stalled()),))
    with closing(connection.copy()) as other, other.cursor() as somebody:
        somebody.execute("BEGIN")
        somebody.execute("LOCK TABLE enterprises_deployment IN ACCESS EXCLUSIVE MODE")
        sweep.start()
        time.sleep(1)
        assert syncing.beat(job, Phase.READING, 1, None)
    sweep.join()
    assert reaped == []


@AHEAD_AND_BEHIND
def test_a_wait_is_as_long_on_every_machine(monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> None:
    waiting = waiting_job(new_enterprise(), server_export([account(1)]))
    with on_machine(monkeypatch, skew):
        job = syncing.claim(waiting.pk)
        assert job is not None
        syncing.release(job, until=timezone.now() + timedelta(minutes=1), phase=Phase.RATE_LIMITED)
    waiting.refresh_from_db()
    assert abs(waiting.not_before - (timezone.now() + timedelta(minutes=1))) < MOMENT


@AHEAD_AND_BEHIND
def test_a_list_is_of_when_it_came(monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> None:
    with on_machine(monkeypatch, skew):
        file = receive_usage.receive_file(
            BytesIO(b"{}"), enterprise=new_enterprise(), name="usage.json", uploaded_by=None
        )
    assert abs(file.created_at - timezone.now()) < MOMENT
    assert abs(clock.now() - timezone.now()) < MOMENT


def test_it_never_goes_back_however_long_an_answer_takes() -> None:
    """Or a job that was just made is not due yet for whoever comes to claim it."""

    def takes_long(execute: Callable[..., Any], *query: Any) -> Any:
        outcome = execute(*query)
        time.sleep(0.1)
        return outcome

    before = clock.now()
    with connection.execute_wrapper(takes_long):
        assert clock.now() >= before


@AHEAD_AND_BEHIND
def test_a_worker_is_seen_whatever_its_clock_says(monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> None:
    with on_machine(monkeypatch, skew):
        operations.note_seen("worker@there", queues=["interactive"])
    assert health.was_seen("worker@there")


@AHEAD_AND_BEHIND
def test_a_page_follows_a_job_that_is_due_whatever_its_clock_says(
    monkeypatch: pytest.MonkeyPatch, skew: timedelta
) -> None:
    waiting = waiting_job(new_enterprise(), server_export([account(1)]))
    with on_machine(monkeypatch, skew):
        assert next_look([queries.next_move(waiting)]) == SOON
